"""A service with two tiny models, shared by all tests that only ask it something."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

import service.variants
from issrnn.artifact import Artifact
from service.engines import Engine, EngineName, create_engine
from service.settings import Settings
from tests.artifacts import make_artifact, make_classifier, make_reader
from tests.service.running import running_service


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    make_artifact(folder / "tiny-dense", seed=1)
    make_artifact(folder / "tiny-iss", seed=2, hidden_sizes=(4, 3), variant="iss")
    return folder


@pytest.fixture(scope="session")
def client(models_dir: Path) -> Iterator[httpx.Client]:
    settings = Settings(
        models_dir=models_dir, port=0, pin_threads=False, split={"score": {"tiny-dense": 1}}
    )
    with running_service(settings) as client:
        yield client


@pytest.fixture(scope="session")
def readers_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two readers, and a language model."""
    folder = tmp_path_factory.mktemp("readers")
    make_reader(folder / "reader-dense", seed=1)
    make_reader(folder / "reader-iss", seed=2, hidden_sizes=(5, 4, 2, 3, 2, 4, 1, 3), variant="iss")
    make_artifact(folder / "tiny-dense", seed=1)
    return folder


@pytest.fixture(scope="session")
def reader_client(readers_dir: Path) -> Iterator[httpx.Client]:
    settings = Settings(
        models_dir=readers_dir, port=0, pin_threads=False, split={"answer": {"reader-dense": 1}}
    )
    with running_service(settings) as client:
        yield client


@pytest.fixture(scope="session")
def classifiers_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classifiers, each pooling in another way, and a language model."""
    folder = tmp_path_factory.mktemp("classifiers")
    make_classifier(folder / "mood-dense", seed=1)
    make_classifier(folder / "mood-iss", seed=2, hidden_sizes=(5, 3), pooling="mean", variant="iss")
    make_classifier(folder / "mood-set", seed=1, pooling="last", density=0.3, variant="set")
    make_artifact(folder / "tiny-dense", seed=1)
    return folder


@pytest.fixture(scope="session")
def classifier_client(classifiers_dir: Path) -> Iterator[httpx.Client]:
    settings = Settings(
        models_dir=classifiers_dir,
        port=0,
        pin_threads=False,
        split={"classify": {"mood-dense": 1}},
    )
    with running_service(settings) as client:
        yield client


class Gate:
    """Holds every engine's batches until it is opened, and counts them."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.reached = threading.Semaphore(0)
        self.batches: list[Sequence[Any]] = []


class GatedEngine:
    def __init__(self, engine: Engine[Any, Any], gate: Gate) -> None:
        self.name = engine.name
        self.weight_bytes = engine.weight_bytes
        self._engine = engine
        self._gate = gate

    def compute(self, items: Sequence[Any]) -> Sequence[Any]:
        self._gate.batches.append(items)
        self._gate.reached.release()
        assert self._gate.open.wait(20)
        return self._engine.compute(items)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate()

    def create(name: EngineName, artifact: Artifact, threads: int) -> Engine[Any, Any]:
        return GatedEngine(create_engine(name, artifact, threads), gate)

    monkeypatch.setattr(service.variants, "create_engine", create)
    yield gate
    gate.open.set()


@pytest.fixture
def settings_for(models_dir: Path) -> Callable[..., Settings]:
    """Settings of a service of its own, by default with one model."""

    def make(**changes: object) -> Settings:
        defaults: dict[str, object] = {
            "models_dir": models_dir, "port": 0, "models": ["tiny-dense"], "pin_threads": False,
        }  # fmt: skip
        return Settings.model_validate(defaults | changes)

    return make
