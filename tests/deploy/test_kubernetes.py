"""The manifests fit the schemas, the service and each other."""

import copy
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.app import create_app
from service.settings import Settings

pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
from deploy.check_kubernetes import build, faults, overlays, prometheus_rule, sources

ROOT = Path(__file__).parents[2]
CAN_BUILD = any(shutil.which(tool) for tool in ("kubectl", "kustomize"))
needs_build = pytest.mark.skipif(
    not CAN_BUILD, reason="neither kubectl nor kustomize is installed to build overlays with"
)
Manifest = dict[str, Any]


@pytest.fixture(scope="module")
def production() -> dict[str, Manifest]:
    """By kind."""
    return {manifest["kind"]: manifest for manifest in build(ROOT / PRODUCTION)}


PRODUCTION = "deploy/kubernetes/overlays/production"
DEPLOYMENT: Manifest = yaml.safe_load((ROOT / "deploy/kubernetes/base/deployment.yaml").read_text())
POD = DEPLOYMENT["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]


def settings_file(path: str) -> dict[str, str]:
    lines = (ROOT / "deploy/kubernetes" / path).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and line[0] != "#")


def test_the_check_passes_and_says_how() -> None:
    done = subprocess.run(
        [sys.executable, "deploy/check_kubernetes.py"],
        check=False, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert ("built with" if CAN_BUILD else "not built") in done.stdout


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.stem)
def test_each_file_fits_its_schema(path: Path) -> None:
    assert faults(yaml.safe_load(path.read_text())) == []


def test_faults_are_found_in_built_in_and_custom_objects() -> None:
    broken = copy.deepcopy(DEPLOYMENT)
    broken["spec"]["template"]["spec"]["containers"][0]["livenessProb"] = {}
    assert "livenessProb" in faults(broken)[0]

    monitor = {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": {}}
    spec = {"selector": {}, "endpoints": [{"port": "http", "intervall": "15s"}]}
    assert "intervall" in faults(monitor | {"spec": spec})[0]

    ray = yaml.safe_load((ROOT / "deploy/ray/ray-service.yaml").read_text())
    assert faults(ray) == []
    head = ray["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]
    head["containers"][0]["imagee"] = "x"
    assert "imagee" in faults(ray)[0]


@needs_build
@pytest.mark.parametrize("folder", overlays(), ids=lambda path: path.name)
def test_an_overlay_can_be_built_into_one_namespace(folder: Path) -> None:
    objects = build(folder)
    assert {"Deployment", "Service", "ConfigMap", "NetworkPolicy", "PodDisruptionBudget"} <= {
        manifest["kind"] for manifest in objects
    }
    for manifest in objects:
        if manifest["kind"] != "Namespace":
            assert manifest["metadata"]["namespace"] == "issrnn"


def test_the_operator_gets_the_same_alert_rules() -> None:
    rule = yaml.safe_load(prometheus_rule())
    alerts = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
    assert rule["spec"] == alerts


def test_probes_ask_for_routes_that_exist(tmp_path: Path) -> None:
    app = create_app(Settings(models_dir=tmp_path))
    paths = set(app.openapi()["paths"])
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert CONTAINER[probe]["httpGet"]["path"] in paths
        assert CONTAINER[probe]["httpGet"]["port"] == CONTAINER["ports"][0]["name"]


def test_a_pod_is_given_time_to_drain() -> None:
    settings = settings_file("base/settings.env")
    drain = int(settings["ISSRNN_DRAIN_SECONDS"]) + int(settings["ISSRNN_SHUTDOWN_SECONDS"])
    assert POD["terminationGracePeriodSeconds"] > drain
    probe = CONTAINER["readinessProbe"]
    until_unready = probe["periodSeconds"] * probe["failureThreshold"]
    assert int(settings["ISSRNN_DRAIN_SECONDS"]) > until_unready


def test_a_pod_keeps_to_the_restricted_standard() -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted"""
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    user = (ROOT / "deploy/Dockerfile.service").read_text().rsplit("USER ", 1)[1].split()[0]
    assert POD["securityContext"]["runAsUser"] == int(user)


def test_the_services_address_does_not_arrive_as_a_setting() -> None:
    """Kubernetes would set ISSRNN_PORT=tcp://10.0.0.1:80 for a Service named issrnn."""
    assert POD["enableServiceLinks"] is False


@pytest.mark.parametrize("overlay", ["base", "overlays/production"])
def test_settings_are_valid_and_name_models_that_ship(
    overlay: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = settings_file(f"{overlay}/settings.env")
    for name, value in given.items():
        assert name.removeprefix("ISSRNN_").lower() in Settings.model_fields
        monkeypatch.setenv(name, value)
    settings = Settings()
    named = {*settings.shadow.values(), *(n for w in settings.split.values() for n in w)}
    assert all((ROOT / "models" / name / "config.json").is_file() for name in named)


@needs_build
def test_selectors_find_the_pods(production: dict[str, Manifest]) -> None:
    labels = production["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
    for selector in (
        production["Deployment"]["spec"]["selector"]["matchLabels"],
        production["Service"]["spec"]["selector"],
        production["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        production["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ):
        assert selector.items() <= labels
    monitored = production["ServiceMonitor"]["spec"]["selector"]["matchLabels"].items()
    assert monitored <= production["Service"]["metadata"]["labels"].items()
    # the label job of what is scraped, which alerts and dashboard ask for
    assert production["Service"]["metadata"]["name"] == "issrnn"


@needs_build
def test_production_scales_itself_and_reads_models_and_settings(
    production: dict[str, Manifest],
) -> None:
    deployment = production["Deployment"]
    target = production["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert target == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "issrnn"}
    assert "replicas" not in deployment["spec"]

    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["resources"]["requests"] == container["resources"]["limits"]
    source = container["envFrom"][0]["configMapRef"]["name"]
    assert source == production["ConfigMap"]["metadata"]["name"]
    split = json.loads(production["ConfigMap"]["data"]["ISSRNN_SPLIT"])
    assert split["score"]["ptb-lstm-large-dense"] == 9

    (claim,) = [v["persistentVolumeClaim"] for v in pod["volumes"] if v["name"] == "models"]
    assert claim["claimName"] == production["PersistentVolumeClaim"]["metadata"]["name"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts["models"] == "/models"
    assert mounts.keys() == {volume["name"] for volume in pod["volumes"]}


@needs_build
def test_tracing_can_be_added_to_an_overlay(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "deploy/kubernetes", tmp_path / "kubernetes")
    overlay = tmp_path / "kubernetes/overlays/small"
    with (overlay / "kustomization.yaml").open("a") as file:
        file.write("components:\n  - ../../components/tracing\n")
    objects = build(overlay)
    assert [fault for manifest in objects for fault in faults(manifest)] == []
    (settings,) = [m["data"] for m in objects if m["kind"] == "ConfigMap"]
    assert settings["ISSRNN_TRACING"] == "true"
    assert settings["ISSRNN_DRAIN_SECONDS"] == "10"
    assert len([m for m in objects if m["kind"] == "NetworkPolicy"]) == 2


@needs_build
def test_another_split_is_rolled_out(tmp_path: Path) -> None:
    """The settings' name holds their hash, so that pods with the former ones are replaced."""

    def names() -> Iterator[str]:
        for manifest in build(tmp_path / "kubernetes/overlays/production"):
            if manifest["kind"] == "ConfigMap":
                yield manifest["metadata"]["name"]

    shutil.copytree(ROOT / "deploy/kubernetes", tmp_path / "kubernetes")
    (before,) = names()
    path = tmp_path / "kubernetes/overlays/production/settings.env"
    path.write_text(path.read_text().replace(": 9", ": 5"))
    (after,) = names()
    assert before != after


def test_there_is_room_to_quantise_a_large_model() -> None:
    path = ROOT / "deploy/kubernetes/base/deployment.yaml"
    (volume,) = yaml.safe_load(path.read_text())["spec"]["template"]["spec"]["volumes"]
    assert volume["emptyDir"]["sizeLimit"] == "1Gi"  # 4 bytes a weight, 66 million in the paper's


def test_the_operator_leaves_the_services_label_endpoint_alone() -> None:
    """It sets a target label of that name, which would rename the one that alerts ask for."""
    path = ROOT / "deploy/kubernetes/components/monitoring/service-monitor.yaml"
    (scraped,) = yaml.safe_load(path.read_text())["spec"]["endpoints"]
    assert {"action": "labeldrop", "regex": "endpoint"} in scraped["relabelings"]


def test_the_container_that_kuberay_adds_keeps_to_the_restricted_standard() -> None:
    cluster = yaml.safe_load((ROOT / "deploy/ray/ray-service.yaml").read_text())["spec"][
        "rayClusterConfig"
    ]
    assert cluster["enableInTreeAutoscaling"]
    assert cluster["autoscalerOptions"]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
