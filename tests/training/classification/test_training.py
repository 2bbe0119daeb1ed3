"""A classifier is trained, evolves, is resumed, averaged, shrunk and exported."""

import json
import random
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from issrnn import artifact
from issrnn.architecture import ClassifierArchitecture
from issrnn.life_averages import AVERAGE
from issrnn.networks import Classifier
from issrnn.set_masks import SparseEvolution, count_weights
from service.measure import main as measure
from tests.training.classification.conftest import (
    TINY_CLASSIFIER,
    TINY_ISS,
    TINY_SET,
    tiny_classifier,
)
from tests.training.conftest import training_process
from tests.training.test_resume import assert_same, interrupt_in_training, results
from training.averages import averages
from training.checkpoint import load_document, save_document
from training.classification.batches import collate
from training.classification.evaluation import predict
from training.classification.experiment import Classification
from training.cli import main
from training.config import override
from training.connections import connections
from training.errors import ConfigError
from training.experiment import Paths
from training.presets import PRESETS, find_preset
from training.run import resolve
from training.run_folder import RunFolder
from training.session import Session, resume, start
from training.step import train_step
from training.subject import open_run

CPU = torch.device("cpu")


def session(paths: Paths, preset: str = "imdb-lstm-dense", *more: str) -> Session:
    config = resolve(tiny_classifier(preset, *more), CPU)
    return start(Classification.open(config, paths), CPU)


def train(trained: Session, steps: range) -> None:
    for step in steps:
        train_step(trained, step % trained.experiment.steps_per_epoch, learning_rate=0.02)
        trained.position.total_steps += 1


def options(settings: tuple[str, ...]) -> list[str]:
    return [part for setting in settings for part in ("--set", setting)]


def command(paths: Paths, runs: Path, *arguments: str) -> int:
    return main([*arguments, "--data", str(paths.data), "--runs", str(runs), "--threads", "1"])


def test_the_loss_of_a_batch_is_that_of_its_texts_alone(paths: Paths) -> None:
    trained = session(paths, "imdb-lstm-dense", "keep=1")
    experiment, model = trained.experiment, trained.model
    assert isinstance(experiment, Classification)

    def loss(indices: list[int]) -> float:
        tokens, lengths, labels = collate(experiment.train, np.array(indices))
        logits = model(tokens, lengths)
        return float(torch.nn.functional.cross_entropy(logits, labels, reduction="sum").detach())

    assert loss([0, 5, 9]) == pytest.approx(sum(loss([i]) for i in (0, 5, 9)), rel=1e-5)


@pytest.mark.parametrize("recurrent", ["fast", "torch"])
@pytest.mark.parametrize("preset", ["imdb-lstm-dense", "imdb-lstm-set", "sanders-lstm-dense"])
def test_training_learns_its_texts_by_heart(paths: Paths, preset: str, recurrent: str) -> None:
    more = ("epsilon=2",) if preset.endswith("set") else ()
    trained = session(paths, preset, f"recurrent={recurrent}", "keep=1", *more)
    first = trained.experiment.loss(trained, 0).nats
    train(trained, range(150))
    assert trained.experiment.loss(trained, 0).nats < first / 3


def test_what_does_not_exist_stays_zero_in_training(paths: Paths) -> None:
    trained = session(paths, "imdb-lstm-set", *TINY_SET)
    evolution = trained.evolution
    assert evolution is not None
    counts = evolution.counts
    for _ in range(3):
        train(trained, range(5))
        for name, mask in evolution.masks.items():
            assert not trained.model.get_parameter(name).detach()[~mask].any()
        evolution.evolve_(trained.optimizer)
        assert evolution.counts == counts


def test_a_resumed_sparse_session_goes_on_as_if_it_had_not_stopped(
    paths: Paths, tmp_path: Path
) -> None:
    def go_on(trained: Session) -> None:
        assert trained.evolution is not None
        train(trained, range(2, 5))
        trained.evolution.evolve_(trained.optimizer)
        train(trained, range(5, 7))

    unbroken = session(paths, "imdb-lstm-set", *TINY_SET)
    assert unbroken.evolution is not None
    train(unbroken, range(2))
    unbroken.evolution.evolve_(unbroken.optimizer)
    save_document(tmp_path / "checkpoint.pt", unbroken.to_document())
    go_on(unbroken)
    broken = resume(unbroken.experiment, load_document(tmp_path / "checkpoint.pt"), CPU)
    go_on(broken)
    for name, weight in unbroken.model.state_dict().items():
        assert broken.model.state_dict()[name].equal(weight), name


def test_a_killed_sparse_run_ends_as_an_unbroken_one(paths: Paths, tmp_path: Path) -> None:
    settings = options((*TINY_CLASSIFIER, *TINY_SET, "epochs=16", "average_patience=1"))
    where = ("--data", str(paths.data), "--runs", str(tmp_path), "--threads", "1")

    def arguments(name: str) -> list[str]:
        return ["run", "imdb-lstm-set", "--as", name, *where, *settings]

    assert main(arguments("unbroken")) == 0
    moments = random.Random(3)
    for number in (signal.SIGKILL, signal.SIGTERM):
        process = training_process(*arguments("broken"), "--checkpoint-seconds", "0.05")
        interrupt_in_training(process, tmp_path / "broken", moments.uniform(0, 0.2), number)
    assert main(arguments("broken")) == 0
    assert_same(results(tmp_path / "broken"), results(tmp_path / "unbroken"))
    masks = [
        load_document(tmp_path / name / "checkpoint.pt")["evolution"]["masks"]
        for name in ("broken", "unbroken")
    ]
    assert all(masks[0][name].equal(mask) for name, mask in masks[1].items())


def test_averaging_begins_when_validation_stops_improving(paths: Paths) -> None:
    trained = session(paths, "imdb-lstm-set", *TINY_SET, "average_patience=1")
    state = trained.optimizer.state
    train(trained, range(2))
    weight = trained.model.get_parameter("output.weight")
    assert AVERAGE not in state[weight]
    trained.position.epochs = [{"valid_accuracy": value} for value in (80.0, 70.0, 75.0)]
    train(trained, range(2, 3))
    first = weight.detach().clone()
    train(trained, range(3, 4))
    mean = (first + weight.detach()) / 2
    torch.testing.assert_close(averages(trained.model, trained.optimizer)["output.weight"], mean)
    torch.testing.assert_close(trained.experiment.weights_to_keep(trained)["output.weight"], mean)


def test_whole_texts_are_measured_however_long(paths: Paths) -> None:
    experiment = session(paths, "imdb-lstm-dense", "longest=3").experiment
    assert isinstance(experiment, Classification)
    assert int(experiment.train.lengths.max()) == 3
    model = experiment.plain_network(experiment.dense_architecture())
    found = predict(model, experiment.test)
    for index in range(5):
        words = torch.tensor(experiment.test.words(index)).long().unsqueeze(1)
        assert found[index] == int(model(words, torch.tensor([len(words)])).argmax())


def test_sparse_presets_have_under_4_percent_of_the_dense_parameters() -> None:
    for name, words in (("imdb-lstm", 20_000), ("sanders-lstm", 2_500)):
        dense, sparse = find_preset(f"{name}-dense"), find_preset(f"{name}-set")
        assert dense.hidden_sizes == sparse.hidden_sizes
        architecture = dense.architecture(words)  # type: ignore[attr-defined]
        model = Classifier(architecture)
        SparseEvolution(model, epsilon=sparse.epsilon, zeta=sparse.zeta, gates=sparse.gates)
        every = sum(p.numel() for p in model.parameters())
        assert 0.03 < count_weights(model) / every < 0.04


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("fold=10", r"fold must be below folds \(10\), not 10"),
        ("labels=good,good", "labels must be different names"),
        ("labels=good", "labels: .*at least 2"),
        ("corpus=yelp", "corpus: .*'imdb' or 'sanders'"),
        ("epsilon=0", "variant 'set' needs epsilon above 0"),
        ("lambda=1", "epsilon keeps the number of weights"),
        ("zeta=1", "zeta: .*less than 1"),
        ("gates=some", "gates: .*'apart' or 'together'"),
    ],
)
def test_wrong_settings_are_named(assignment: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        override(PRESETS["imdb-lstm-set"], [assignment])


@pytest.fixture(scope="module")
def runs(paths: Paths, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run of each variant."""
    folder = tmp_path_factory.mktemp("runs")
    for variant, more in (("dense", ()), ("set", TINY_SET), ("iss", TINY_ISS)):
        settings = options((*TINY_CLASSIFIER, *more))
        assert command(paths, folder, "run", f"imdb-lstm-{variant}", *settings) == 0
    return folder


@pytest.mark.parametrize("variant", ["dense", "set", "iss"])
def test_from_run_to_artifact(
    paths: Paths, runs: Path, variant: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"imdb-lstm-{variant}"
    record = json.loads((runs / name / "record.json").read_text())
    assert set(record["metrics"]) == {
        *("valid_accuracy", "valid_macro_f1", "test_accuracy", "test_macro_f1")
    }
    assert (runs / name / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert command(paths, runs, "export", name, "--models", str(tmp_path)) == 0
    loaded = artifact.load(tmp_path / name)
    assert loaded.card.task == "classify"
    assert loaded.card.variant == variant
    assert loaded.card.labels == ("negative", "positive")
    assert isinstance(loaded.card.architecture, ClassifierArchitecture)
    assert bool(loaded.card.sparse_weights) == (variant == "set")
    assert loaded.card.provenance.data_sha256.keys() == {"aclImdb/train", "aclImdb/test"}
    capsys.readouterr()
    assert command(paths, runs, "evaluate", str(tmp_path / name)) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{name}: {figure.replace('_', ' ')} {value:.4f}"
        for figure, value in loaded.card.metrics.items()
    ]
    assert measure([str(tmp_path / name), str(paths.data / "imdb" / "aclImdb")]) == 0
    served = ", ".join(
        f"{figure} {loaded.card.metrics[f'test_{figure}']:.3f}"
        for figure in ("accuracy", "macro_f1")
    )
    assert f"{name} on onnxruntime-fp32: {served} over 48 texts" in capsys.readouterr().out


def test_the_record_counts_the_weights_that_exist(paths: Paths, runs: Path) -> None:
    dense, sparse = (
        json.loads((runs / f"imdb-lstm-{variant}" / "record.json").read_text())
        for variant in ("dense", "set")
    )
    at_start = session(paths, "imdb-lstm-set", *TINY_SET)
    assert sparse["parameters"] <= count_weights(at_start.model)
    assert sparse["parameters"] > 0.9 * count_weights(at_start.model)
    assert sparse["parameters"] < dense["parameters"] / 2


def test_weights_move_while_training_and_keep_their_number(paths: Paths, runs: Path) -> None:
    checkpoint = load_document(runs / "imdb-lstm-set" / "checkpoint.pt")
    evolution = session(paths, "imdb-lstm-set", *TINY_SET).evolution
    assert evolution is not None
    for name, before in evolution.masks.items():
        after = checkpoint["evolution"]["masks"][name]
        assert after.sum() == before.sum()
        assert not after.equal(before)
        assert not checkpoint["weights"][name][~after].any()


def test_iss_removes_units(runs: Path) -> None:
    record = json.loads((runs / "imdb-lstm-iss" / "record.json").read_text())
    assert 1 < record["hidden_sizes"][0] < 16
    assert record["best_epoch"] >= 9  # larger networks of earlier epochs do not count
    assert record["metrics"]["test_accuracy"] > 90


def test_connections_are_those_of_the_first_step_and_of_the_last(paths: Paths, runs: Path) -> None:
    subject = open_run(RunFolder(runs / "imdb-lstm-set"), paths, "last")
    before, after = connections(subject.experiment, subject.model)
    fresh = session(paths, "imdb-lstm-set", *TINY_SET).evolution
    assert fresh is not None
    last = load_document(runs / "imdb-lstm-set" / "checkpoint.pt")["weights"]
    assert before.keys() == after.keys() == fresh.masks.keys()
    for name, mask in fresh.masks.items():
        assert before[name].equal(mask)
        assert after[name].equal(last[name] != 0)
        assert not after[name].equal(before[name])


def test_pictures_show_where_connections_went(
    paths: Paths, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "reports"
    names = ("imdb-lstm-dense", "imdb-lstm-set")
    assert command(paths, runs, "show", *names, "--step", "1", "--out", str(out)) == 0
    pictures = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert [picture.name for picture in pictures] == [
        "imdb-lstm-dense-weights.png",
        "imdb-lstm-set-weights.png",
        "imdb-lstm-set-connections.png",
        "imdb-lstm-dense-imdb-lstm-set-group-lengths.png",
    ]
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)


def test_each_fold_of_the_tweets_is_tested_by_a_run_of_its_own(
    paths: Paths, tmp_path: Path
) -> None:
    for fold in (0, 1):
        settings = options((*TINY_CLASSIFIER, *TINY_SET, f"fold={fold}", "epochs=1"))
        name = f"fold-{fold}"
        assert command(paths, tmp_path, "run", "sanders-lstm-set", "--as", name, *settings) == 0
        record = json.loads((tmp_path / name / "record.json").read_text())
        assert record["config"]["fold"] == fold
    first, second = (session(paths, "sanders-lstm-set", f"fold={n}").experiment for n in (0, 1))
    assert isinstance(first, Classification)
    assert isinstance(second, Classification)
    assert first.valid.chosen.tolist() == second.test.chosen.tolist()
