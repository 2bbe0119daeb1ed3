"""What can be said of the compose file without an engine to run it."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.settings import Settings

ROOT = Path(__file__).parents[2]


def read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


COMPOSE: dict[str, Any] = read("docker-compose.yml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_the_parts_are_there_and_load_tests_only_when_asked_for() -> None:
    always = {name for name, service in SERVICES.items() if "profiles" not in service}
    assert always == {"service", "prometheus", "grafana"}
    assert {tuple(s["profiles"]) for n, s in SERVICES.items() if n.startswith("locust")} == {
        ("locust",)
    }


def test_every_file_that_is_mounted_or_built_exists() -> None:
    for name, service in SERVICES.items():
        if "build" in service:
            assert (ROOT / service["build"]["dockerfile"]).is_file(), name
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source == "./reports":
                continue  # made by its first use
            known = (ROOT / source).exists() if source[0] == "." else source in COMPOSE["volumes"]
            assert known, f"{name} mounts {source}"


def test_ports_are_open_to_this_machine_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_service_gets_every_setting_but_those_the_image_fixes() -> None:
    own = [name for name in SERVICES["service"]["environment"] if name.startswith("ISSRNN_")]
    names = {name.removeprefix("ISSRNN_").lower() for name in own}
    assert names == set(Settings.model_fields) - {"host", "port", "models_dir"}


def test_a_container_is_given_time_to_drain() -> None:
    default = SERVICES["service"]["stop_grace_period"].removeprefix("${STOP_GRACE_PERIOD:-")
    grace = int(default.removesuffix("s}"))
    defaults = Settings.model_fields
    assert grace > defaults["drain_seconds"].default + defaults["shutdown_seconds"].default


def test_the_image_can_be_built_with_what_tracing_needs() -> None:
    assert SERVICES["service"]["build"]["args"] == {"EXTRAS": "${EXTRAS:-serve}"}
    assert {
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_TRACES_SAMPLER",
        "OTEL_TRACES_SAMPLER_ARG",
    } <= set(SERVICES["service"]["environment"])


def test_the_parts_find_each_other() -> None:
    config = read("deploy/prometheus/prometheus.yml")
    assert config["scrape_configs"][0]["static_configs"] == [{"targets": ["service:8000"]}]
    (source,) = read("deploy/grafana/provisioning/datasources/prometheus.yml")["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert source["jsonData"]["timeInterval"] == config["global"]["scrape_interval"]

    (provider,) = read("deploy/grafana/provisioning/dashboards/dashboards.yml")["providers"]
    folder = provider["options"]["path"]
    assert f"./deploy/grafana/dashboards:{folder}:ro" in SERVICES["grafana"]["volumes"]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert Path(home).parent == Path(folder)
    assert (ROOT / "deploy" / "grafana" / "dashboards" / Path(home).name).is_file()


def test_compose_accepts_the_file() -> None:
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            tried = subprocess.run([*command, "version"], check=False, capture_output=True)
            if tried.returncode == 0:
                break
    else:
        pytest.skip("neither the plugin 'docker compose' nor docker-compose is installed")
    done = subprocess.run(
        [*command, "--profile", "locust", "--profile", "compare", "config", "--quiet"],
        check=False, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_file_follows_the_compose_specification() -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"),
            str(ROOT / "docker-compose.yml"),
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
