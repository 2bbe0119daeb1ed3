"""The application on a local Ray with two replicas.

Ray is no dependency of this project; to run this where it is installed elsewhere:
RAY_SERVE=RAY_VENV/bin/serve python -m pytest tests/deploy/test_ray.py
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from deploy.measure_scale import ready_processes, running
from service.settings import Settings
from service.shared_metrics import DIRECTORY_VARIABLE
from tests.artifacts import make_artifact

ROOT = Path(__file__).parents[2]
SERVE = os.environ.get("RAY_SERVE") or shutil.which(
    "serve", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}"
)
needs_ray = pytest.mark.skipif(
    SERVE is None, reason="Ray Serve is not installed (pip install 'ray[serve]')"
)
CONFIG = yaml.safe_load((ROOT / "deploy/ray/serve.yaml").read_text())
(APPLICATION,) = CONFIG["applications"]
(DEPLOYMENT,) = APPLICATION["deployments"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("models")
    make_artifact(folder / "tiny-dense", seed=1)
    make_artifact(folder / "tiny-iss", seed=2, hidden_sizes=(4, 3), variant="iss")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISSRNN_MODELS_DIR", str(folder))
        patch.setenv("ISSRNN_MAX_TEXTS", "3")
        patch.setenv("ISSRNN_ADMIN_TOKEN", "secret")
        assert SERVE is not None
        with (
            running("replicas", 2, tmp_path_factory.mktemp("ray"), SERVE) as (url, _),
            httpx.Client(base_url=url, timeout=60) as client,
        ):
            yield client


def test_its_settings_are_settings_of_the_service() -> None:
    settings = Settings(**APPLICATION["args"])
    assert settings.threads == DEPLOYMENT["ray_actor_options"]["num_cpus"]
    assert DEPLOYMENT["graceful_shutdown_timeout_s"] > settings.shutdown_seconds
    assert CONFIG["http_options"]["request_timeout_s"] > settings.deadline_seconds


def test_the_application_it_names_exists() -> None:
    module, name = APPLICATION["import_path"].split(":")
    source = (ROOT / module.replace(".", "/")).with_suffix(".py").read_text()
    assert f"def {name}(" in source


def test_only_pods_with_replicas_add_up_metrics() -> None:
    """A replica makes the folder; without it, whatever else keeps metrics there would fail."""
    service = yaml.safe_load((ROOT / "deploy/ray/ray-service.yaml").read_text())
    cluster = service["spec"]["rayClusterConfig"]
    head, (workers,) = cluster["headGroupSpec"], cluster["workerGroupSpecs"]
    assert head["rayStartParams"]["num-cpus"] == "0"

    def variables(group: dict[str, Any]) -> set[str]:
        (container,) = group["template"]["spec"]["containers"]
        return {each["name"] for each in container.get("env", [])}

    assert DIRECTORY_VARIABLE in variables(workers)
    assert DIRECTORY_VARIABLE not in variables(head)


@needs_ray
def test_ray_accepts_the_configuration() -> None:
    code = (
        "import sys, yaml; from ray.serve.schema import ServeDeploySchema;"
        "ServeDeploySchema.model_validate(yaml.safe_load(sys.stdin))"
    )
    assert SERVE is not None
    done = subprocess.run(
        [str(Path(SERVE).parent / "python"), "-c", code],
        input=yaml.safe_dump(CONFIG), check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@needs_ray
def test_two_replicas_answer_as_the_service_does(client: httpx.Client) -> None:
    assert ready_processes(lambda: client.get("/metrics").text) == 2
    assert client.get("/health/ready").json() == {"status": "ready"}
    names = [model["name"] for model in client.get("/models").json()["models"]]
    assert names == ["tiny-dense", "tiny-iss"]
    assert "<!doctype html>" in client.get("/").text.lower()

    request = {"texts": ["The stock rose."], "model": "tiny-iss"}
    replies = [client.post("/score", json=request) for _ in range(10)]
    assert {reply.status_code for reply in replies} == {200}
    assert {reply.headers["x-model"] for reply in replies} == {"tiny-iss"}
    probabilities = {round(reply.json()["scores"][0]["log_prob"], 4) for reply in replies}
    assert len(probabilities) == 1, "every replica gives the same answer"


@needs_ray
def test_settings_and_errors_are_the_services_own(client: httpx.Client) -> None:
    too_many = client.post("/score", json={"texts": ["a"] * 4})
    assert too_many.status_code == 413
    assert too_many.headers["content-type"] == "application/problem+json"
    reload = client.post("/models/tiny-iss/reload", headers={"Authorization": "Bearer secret"})
    assert reload.status_code == 404, "it would reach one replica only"
    session = {"X-Session-ID": "someone"}
    request = {"texts": ["The stock rose."]}
    chosen = {client.post("/score", json=request, headers=session).json()["model"] for _ in "abcd"}
    assert len(chosen) == 1, "a session stays with its variant, whichever replica answers"
