"""What is served, and loading it anew without ever serving half a model."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.settings import Settings
from service.variants import Variant, load_variant, metrics_of_engine
from tests.artifacts import WORDS, make_artifact
from tests.service.conftest import Gate
from tests.service.problems import problem
from tests.service.running import running_service

TOKEN = "s3cret"  # noqa: S105 - a test's
ADMIN = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_artifact(tmp_path / "one", seed=1)
    return tmp_path


@pytest.fixture
def admin_client(folder: Path) -> Iterator[httpx.Client]:
    settings = Settings(models_dir=folder, port=0, admin_token=TOKEN, pin_threads=False)
    with running_service(settings) as client:
        yield client


def log_prob(client: httpx.Client) -> float:
    response = client.post("/score", json={"texts": ["the stock fell"], "model": "one"})
    assert response.status_code == 200
    value: float = response.json()["scores"][0]["log_prob"]
    return value


def damage(artifact: Path) -> None:
    weights = artifact / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)


def test_a_model_says_what_it_is(client: httpx.Client) -> None:
    models = {model["name"]: model for model in client.get("/models").json()["models"]}
    assert set(models) == {"tiny-dense", "tiny-iss"}
    iss = client.get("/models/tiny-iss").json()
    assert (iss["task"], iss["variant"], iss["state"]) == ("score", "iss", "ready")
    assert iss["hidden_sizes"] == [4, 3]
    assert iss["parameters"] < models["tiny-dense"]["parameters"]
    assert iss["multiply_adds"] == 4 * 4 * (7 + 4) + 4 * 3 * (4 + 3) + len(WORDS) * 3
    assert iss["bytes"] > 4 * iss["parameters"]
    assert iss["metrics"] == {"test_perplexity": 50.0}
    assert iss["provenance"]["preset"] == "random"


def test_reload_swaps_to_the_new_weights(admin_client: httpx.Client, folder: Path) -> None:
    before = log_prob(admin_client)
    make_artifact(folder / "one", seed=2)
    assert log_prob(admin_client) == before
    response = admin_client.post("/models/one/reload", headers=ADMIN)
    assert response.status_code == 200
    assert response.json()["state"] == "ready"
    assert log_prob(admin_client) != before


def test_a_bad_artifact_is_refused_and_the_old_model_serves_on(
    admin_client: httpx.Client, folder: Path
) -> None:
    before = log_prob(admin_client)
    damage(folder / "one")
    response = admin_client.post("/models/one/reload", headers=ADMIN)
    assert response.status_code == 409
    assert "SHA-256" in response.json()["detail"]
    assert log_prob(admin_client) == before
    info = admin_client.get("/models/one").json()
    assert info["state"] == "ready"
    assert "SHA-256" in info["error"]
    assert admin_client.get("/health/ready").status_code == 200


def test_reload_loads_an_artifact_that_was_added(admin_client: httpx.Client, folder: Path) -> None:
    assert admin_client.post("/models/two/reload", headers=ADMIN).status_code == 404
    make_artifact(folder / "two", seed=3)
    assert admin_client.post("/models/two/reload", headers=ADMIN).status_code == 200
    assert admin_client.get("/models/two").json()["state"] == "ready"


def test_a_folder_must_be_named_as_its_model(admin_client: httpx.Client, folder: Path) -> None:
    shutil.copytree(folder / "one", folder / "copy")
    response = admin_client.post("/models/copy/reload", headers=ADMIN)
    assert response.status_code == 409
    assert "rename" in response.json()["detail"]
    assert admin_client.get("/models/copy").status_code == 404  # nothing has changed
    assert 'model="copy"' not in admin_client.get("/metrics").text


@pytest.mark.parametrize("name", ["..%2f..%2fetc", "..", "%2e%2e", ".one", "One", "one%00"])
def test_names_cannot_leave_the_folder(admin_client: httpx.Client, name: str) -> None:
    assert admin_client.post(f"/models/{name}/reload", headers=ADMIN).status_code in (404, 405)


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"Authorization": "Bearer wrong"}, 403), ({"Authorization": "Basic s3cret"}, 401)],
)
def test_reload_needs_the_token(
    admin_client: httpx.Client, headers: dict[str, str], status: int
) -> None:
    response = admin_client.post("/models/one/reload", headers=headers)
    problem(response, status)


def test_admin_routes_are_off_without_a_token(client: httpx.Client) -> None:
    assert client.post("/models/tiny-dense/reload", headers=ADMIN).status_code == 404


def test_a_bad_artifact_at_start_is_shown_and_the_others_serve(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_artifact(folder / "bad")
    damage(folder / "bad")
    with running_service(Settings(models_dir=folder, port=0, pin_threads=False)) as client:
        bad = client.get("/models/bad").json()
        assert bad["state"] == "failed"
        assert "SHA-256" in bad["error"]
        assert log_prob(client)
        assert client.get("/health/ready").status_code == 200
        response = client.post("/score", json={"texts": ["the"], "model": "bad"})
        assert response.status_code == 503
    assert any(record.message == "model refused" for record in caplog.records)


def test_a_configured_model_that_is_missing_makes_the_service_unready(folder: Path) -> None:
    settings = Settings(models_dir=folder, models=("one", "absent"), port=0, pin_threads=False)
    with running_service(settings) as client:
        ready = client.get("/health/ready")
        assert ready.status_code == 503
        assert ready.json()["detail"] == "not ready: absent is not ready"
        assert client.get("/health/live").status_code == 200
        assert client.get("/models/absent").json()["state"] == "failed"
        assert log_prob(client)


def test_a_name_that_cannot_be_one_is_shown_as_failed(folder: Path) -> None:
    settings = Settings(models_dir=folder, models=("../one", "one"), port=0, pin_threads=False)
    with running_service(settings) as client:
        states = {model["name"]: model["state"] for model in client.get("/models").json()["models"]}
        assert states == {"../one": "failed", "one": "ready"}


def test_reloading_while_requests_run_loses_none(admin_client: httpx.Client) -> None:
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(log_prob, admin_client) for _ in range(200)]
        for _ in range(5):
            response = admin_client.post("/models/one/reload", headers=ADMIN)
            assert response.status_code == 200
        assert len({round(future.result(20), 4) for future in futures}) == 1


def unload(client: httpx.Client, name: str) -> httpx.Response:
    return client.delete(f"/models/{name}", headers=ADMIN)


def test_a_model_is_unloaded_and_loaded_again(admin_client: httpx.Client, folder: Path) -> None:
    make_artifact(folder / "two", seed=3)
    admin_client.post("/models/two/reload", headers=ADMIN)
    response = unload(admin_client, "two")
    assert (response.status_code, response.content) == (204, b"")
    assert admin_client.get("/models/two").status_code == 404
    assert admin_client.post("/score", json={"texts": ["a"], "model": "two"}).status_code == 404
    assert log_prob(admin_client)
    assert admin_client.post("/models/two/reload", headers=ADMIN).status_code == 200
    assert admin_client.get("/models/two").json()["state"] == "ready"


def test_the_last_model_of_a_task_stays(admin_client: httpx.Client) -> None:
    response = unload(admin_client, "one")
    assert response.status_code == 409
    assert response.json()["detail"] == "'one' is the last model for 'score'"
    assert log_prob(admin_client)
    assert unload(admin_client, "none").status_code == 404


def test_a_model_that_the_split_names_stays_until_it_does_not(folder: Path) -> None:
    make_artifact(folder / "two", seed=3)
    settings = Settings(
        models_dir=folder, models=("one", "two"), port=0, pin_threads=False,
        admin_token=TOKEN, split={"score": {"two": 1}},
    )  # fmt: skip
    with running_service(settings) as client:
        response = unload(client, "two")
        assert response.status_code == 409
        assert "the split of 'score' names 'two'" in response.json()["detail"]
        split = {"weights": {"one": 1}, "shadow": None}
        assert client.put("/split/score", json=split, headers=ADMIN).status_code == 200
        assert unload(client, "two").status_code == 204
        assert client.get("/health/ready").status_code == 200


def test_a_failed_model_can_be_taken_off_the_list(folder: Path) -> None:
    make_artifact(folder / "bad")
    damage(folder / "bad")
    settings = Settings(models_dir=folder, port=0, admin_token=TOKEN, pin_threads=False)
    with running_service(settings) as client:
        assert unload(client, "bad").status_code == 204
        assert client.get("/models/bad").status_code == 404


def test_unloading_answers_what_is_queued(folder: Path, gate: Gate) -> None:
    make_artifact(folder / "two", seed=3)
    settings = Settings(models_dir=folder, port=0, admin_token=TOKEN, pin_threads=False)
    request = {"texts": ["the stock fell"], "model": "two"}
    with running_service(settings) as client, ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(client.post, "/score", json=request) for _ in range(2)]
        assert gate.reached.acquire(timeout=20)
        both = 'issrnn_queued_requests{model="two",variant="dense"} 2.0'
        assert any(both in client.get("/metrics").text for _ in range(500))
        assert unload(client, "two").status_code == 204
        gate.open.set()
        assert [each.result(20).status_code for each in waiting] == [200, 200]


def test_a_service_without_models_is_unready_and_says_so(tmp_path: Path) -> None:
    with running_service(Settings(models_dir=tmp_path / "none", port=0)) as client:
        assert client.get("/health/ready").json()["detail"] == "not ready: no model is ready"
        assert client.post("/score", json={"texts": ["the"]}).status_code == 503


def test_a_card_of_another_version_is_refused(folder: Path) -> None:
    path = folder / "one" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": 99}))
    with running_service(Settings(models_dir=folder, port=0)) as client:
        assert "version 99" in client.get("/models/one").json()["error"]


def test_an_int8_engine_shows_its_own_perplexity() -> None:
    card = {"test_perplexity": 80.0, "test_perplexity_int8": 80.2}
    assert metrics_of_engine(card, "onnxruntime-fp32") == {"test_perplexity": 80.0}
    assert metrics_of_engine(card, "onnxruntime-int8") == {
        "test_perplexity": 80.2,
        "test_perplexity_fp32": 80.0,
    }


def test_a_model_unloaded_while_a_bad_reload_runs_stays_away(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_artifact(folder / "two", seed=3)
    settings = Settings(
        models_dir=folder, models=("one", "two"), port=0, pin_threads=False, admin_token=TOKEN
    )
    reading, go_on = threading.Event(), threading.Event()

    def slow_load(*arguments: Any) -> Variant:
        reading.set()
        assert go_on.wait(20)
        return load_variant(*arguments)

    with running_service(settings) as client, ThreadPoolExecutor(2) as pool:
        monkeypatch.setattr("service.registry.load_variant", slow_load)
        (folder / "two" / "model.safetensors").write_bytes(b"damaged")
        reload = pool.submit(client.post, "/models/two/reload", headers=ADMIN)
        assert reading.wait(20)
        removal = pool.submit(unload, client, "two")
        assert client.get("/health/live").status_code == 200  # nobody else waits
        go_on.set()
        assert reload.result(20).status_code == 409
        assert removal.result(20).status_code == 204
        assert [model["name"] for model in client.get("/models").json()["models"]] == ["one"]
        assert client.get("/health/ready").status_code == 200
