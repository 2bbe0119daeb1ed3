"""split.json in the models' folder: which models answer where no setting says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from service.default_split import DefaultSplitError, read_default_split
from service.settings import Settings
from service.splits import Splits
from tests.artifacts import make_artifact
from tests.service.running import running_service


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Two models, one of which gets all the traffic."""
    for seed, name in enumerate(("tiny-dense", "tiny-iss")):
        make_artifact(tmp_path / name, seed=seed)
    write(tmp_path, {"score": {"tiny-iss": 1}})
    return tmp_path


def write(folder: Path, content: Any) -> None:
    (folder / "split.json").write_text(json.dumps(content))


def settings(folder: Path, **changes: Any) -> Settings:
    return Settings(models_dir=folder, port=0, pin_threads=False, **changes)


def test_the_models_it_names_answer_and_the_others_when_asked(models: Path) -> None:
    with running_service(settings(models)) as client:
        request = {"texts": ["the stock fell"]}
        answered = {client.post("/score", json=request).headers["X-Model"] for _ in range(20)}
        assert answered == {"tiny-iss"}
        named = client.post("/score", json=request | {"model": "tiny-dense"})
        assert named.headers["X-Model"] == "tiny-dense"


def test_a_setting_counts_more(models: Path) -> None:
    splits = Splits(settings(models, split={"score": {"tiny-dense": 2}}))
    assert splits.of("score").weights == {"tiny-dense": 2}
    assert splits.of("answer").weights == {}
    assert Splits(settings(models, split={"score": {}})).of("score").weights == {}


def test_models_that_are_not_served_have_no_part(models: Path) -> None:
    write(models, {"score": {"tiny-iss": 1, "tiny-dense": 3}})
    assert Splits(settings(models, models=["tiny-dense"])).of("score").weights == {"tiny-dense": 3}
    assert Splits(settings(models, models=["another"])).of("score").weights == {}  # evenly
    write(models, {"score": {"tiny-iss": 1, "tiny-dense": 0}})
    assert Splits(settings(models, models=["tiny-dense"])).of("score").weights == {}


def test_a_model_it_names_that_is_not_there_makes_the_service_unready(models: Path) -> None:
    write(models, {"score": {"tiny-iss": 1, "gone": 1}})
    with running_service(settings(models)) as client:
        ready = client.get("/health/ready")
        assert ready.status_code == 503
        assert "gone is not ready" in ready.text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"score": {"tiny-iss": -1}}, "score.tiny-iss: Input should be greater than or equal to 0"),
        ({"score": {"tiny-iss": 0}}, "score: the weights must add up to a finite number above 0"),
        ({"sing": {"tiny-iss": 1}}, "sing: Input should be 'score', 'answer' or 'classify'"),
        ([], "Input should be an object"),
    ],
)
def test_what_is_wrong_with_it_is_named(models: Path, content: Any, message: str) -> None:
    write(models, content)
    with pytest.raises(DefaultSplitError) as error:
        read_default_split(settings(models))
    assert str(error.value) == f"{models / 'split.json'}: {message}"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_service_does_not_start_with_a_damaged_one(models: Path, workers: str) -> None:
    (models / "split.json").write_text("{")
    command = [sys.executable, "-m", "service"]
    environment = {"ISSRNN_MODELS_DIR": str(models), "ISSRNN_WORKERS": workers, "PORT": "0"}
    result = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith(f"{models / 'split.json'}: Invalid JSON")
