"""A reader is trained, averaged, resumed, thresholded, shrunk and exported."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from issrnn import artifact
from issrnn.architecture import BiDAFArchitecture
from issrnn.networks import BiDAF
from tests.training.question_answering.conftest import TINY_READER, tiny_reader
from training.averages import averages, using_averages
from training.checkpoint import load_document, save_document
from training.cli import main
from training.errors import RunError
from training.experiment import Paths
from training.question_answering.batches import collate
from training.question_answering.evaluation import predict, score
from training.question_answering.experiment import QuestionAnswering
from training.question_answering.network import FastBidirectionalLSTM, span_loss
from training.run import resolve
from training.session import Session, resume, start
from training.step import remove_dead_, train_step

CPU = torch.device("cpu")


def session(paths: Paths, preset: str = "squad-bidaf-dense", *more: str) -> Session:
    config = resolve(tiny_reader(preset, *more), CPU)
    return start(QuestionAnswering.open(config, paths), CPU)


def train(trained: Session, steps: range) -> None:
    for step in steps:
        train_step(trained, step % trained.experiment.steps_per_epoch, learning_rate=0.02)
        trained.position.total_steps += 1


@pytest.fixture(scope="module")
def models(paths: Paths, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the artifact ``squad-bidaf-dense``."""
    folder = tmp_path_factory.mktemp("reader")
    options = settings("epochs=1", "flat_epochs=1")
    assert command(paths, folder / "runs", "run", "squad-bidaf-dense", *options) == 0
    where = ("--models", str(folder / "models"))
    assert command(paths, folder / "runs", "export", "squad-bidaf-dense", *where) == 0
    return folder / "models"


def settings(*more: str) -> list[str]:
    return [part for setting in (*TINY_READER, *more) for part in ("--set", setting)]


def fine_tune(paths: Paths, runs: Path, models: Path, *more: str) -> int:
    options = settings("epochs=1", "flat_epochs=1", "lambda_epochs=none", "lambda_after=0", *more)
    where = ("--models", str(models))
    return command(paths, runs, "run", "squad-bidaf-iss-finetune", *where, *options)


def command(paths: Paths, runs: Path, *arguments: str) -> int:
    vectors = str(paths.word_vectors)
    folders = ("--data", str(paths.data), "--runs", str(runs), "--word-vectors", vectors)
    return main([*arguments, *folders, "--threads", "1"])


def test_the_loss_of_a_batch_is_that_of_its_questions_alone(paths: Paths) -> None:
    trained = session(paths, "squad-bidaf-dense", "keep=1")
    experiment, model = trained.experiment, trained.model
    assert isinstance(experiment, QuestionAnswering)
    assert isinstance(model, BiDAF)
    indices = torch.arange(4).numpy()
    together = span_loss(model, *collate(experiment.train, indices))
    alone = sum(span_loss(model, *collate(experiment.train, indices[[i]])).item() for i in range(4))
    assert together.item() == pytest.approx(alone, rel=1e-5)


@pytest.mark.parametrize("recurrent", ["fast", "torch"])
def test_training_learns_its_questions_by_heart(paths: Paths, recurrent: str) -> None:
    trained = session(paths, "squad-bidaf-dense", f"recurrent={recurrent}", "keep=1")
    experiment = trained.experiment
    first = experiment.loss(trained, 0).nats
    train(trained, range(150))
    assert experiment.loss(trained, 0).nats < first / 3


def test_averages_follow_the_weights_and_can_take_their_place(paths: Paths) -> None:
    trained = session(paths, "squad-bidaf-dense", "average=0.5")
    weight = trained.model.get_parameter("start.weight")
    train(trained, range(1))
    first = weight.detach().clone()
    train(trained, range(1, 2))
    second = weight.detach().clone()
    expected = (2 / 11) * first + (9 / 11) * second  # in its first steps it forgets faster
    torch.testing.assert_close(averages(trained.model, trained.optimizer)["start.weight"], expected)
    with using_averages(trained.model, trained.optimizer):
        torch.testing.assert_close(weight.detach(), expected)
    torch.testing.assert_close(weight.detach(), second)


def test_a_resumed_session_goes_on_as_if_it_had_not_stopped(paths: Paths, tmp_path: Path) -> None:
    unbroken = session(paths)
    train(unbroken, range(2))
    save_document(tmp_path / "checkpoint.pt", unbroken.to_document())
    train(unbroken, range(2, 5))
    broken = resume(unbroken.experiment, load_document(tmp_path / "checkpoint.pt"), CPU)
    train(broken, range(2, 5))
    for mine, reference in (
        (broken.model.state_dict(), unbroken.model.state_dict()),
        (
            averages(broken.model, broken.optimizer),
            averages(unbroken.model, unbroken.optimizer),
        ),
    ):
        for name, weight in reference.items():
            assert mine[name].equal(weight), name


@pytest.mark.parametrize("recurrent", ["fast", "torch"])
def test_group_lasso_reaches_every_layer_but_the_contextual_one(
    paths: Paths, recurrent: str
) -> None:
    trained = session(paths, "squad-bidaf-iss", f"recurrent={recurrent}", "lambda=1000")
    train(trained, range(1))
    assert trained.groups is not None
    for group in trained.groups:
        dead = not group.norms().any()
        assert dead == (not group.owner.startswith("contextual")), group.owner


def test_a_layer_without_groups_is_an_error_and_not_left_as_it_is(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    always = property(lambda _: True, lambda _, __: None)  # so that it never calls its LSTMs
    monkeypatch.setattr(FastBidirectionalLSTM, "training", always, raising=False)
    with pytest.raises(RunError, match=r"no ISS weight groups were found of modelling\.0\.forward"):
        session(paths, "squad-bidaf-iss", "recurrent=fast")


@pytest.mark.parametrize("recurrent", ["fast", "torch"])
def test_dead_components_go_and_take_their_averages_with_them(paths: Paths, recurrent: str) -> None:
    trained = session(paths, "squad-bidaf-iss", f"recurrent={recurrent}")
    train(trained, range(2))
    groups = trained.groups
    assert groups is not None
    by_owner = {group.owner: group for group in groups}
    by_owner["modelling.0.forward_lstm"].zero_([0, 2])
    by_owner["output.backward_lstm"].zero_([4])
    assert remove_dead_(trained)
    assert trained.hidden_sizes == (6, 5, 4, 5, 6, 5, 6, 4)
    for name, mean in averages(trained.model, trained.optimizer).items():
        assert mean.shape == trained.model.get_parameter(name).shape
    train(trained, range(2, 4))


def test_contextual_layers_are_left_out(paths: Paths) -> None:
    trained = session(paths, "squad-bidaf-iss", "lambda=1e6")
    train_step(trained, 0, learning_rate=0.02)
    empty = {n.split(".weight")[0] for n, p in trained.model.named_parameters() if not p.any()}
    lstms = {name for name in trained.layer_names if not name.startswith("contextual")}
    assert lstms <= empty
    assert not {name for name in empty if name.startswith("contextual")}


def test_answers_are_the_best_spans_of_the_windows(paths: Paths) -> None:
    experiment = session(paths).experiment
    assert isinstance(experiment, QuestionAnswering)
    model = experiment.plain_network(experiment.dense_architecture())
    answers = predict(model, experiment.dev, experiment.config.reading)
    contexts = experiment.dev.questions.context_texts
    assert len(answers) == 2
    assert all(answer in contexts[0] for answer in answers)
    assert score(["oak", "once"], [("oak", "of oak"), ("twice a day",)]) == {
        "exact_match": 50.0,
        "f1": 50.0,
    }


def test_from_run_to_artifact(
    paths: Paths, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = (*TINY_READER, "final_tau=0.15", "lambda=0.2", "epochs=12")
    options = [part for setting in settings for part in ("--set", setting)]
    assert (
        command(paths, tmp_path, "run", "squad-bidaf-iss-published", "--as", "iss", *options) == 0
    )
    record = json.loads((tmp_path / "iss" / "record.json").read_text())
    assert set(record["metrics"]) == {"exact_match", "f1"}
    assert set(record["metrics_before_final_tau"]) == {"exact_match", "f1"}
    assert record["hidden_sizes"][:2] == [6, 5]
    assert sum(record["hidden_sizes"]) < sum(tiny_reader().hidden_sizes)
    with (tmp_path / "iss" / "log.csv").open() as file:
        last = list(csv.DictReader(file))[-1]
    assert float(last["length/output.forward_lstm"]) > 0
    assert "length/contextual.forward_lstm" not in last  # left out of group lasso
    assert (tmp_path / "iss" / "plot.png").read_bytes().startswith(b"\x89PNG")
    models = tmp_path / "models"
    assert command(paths, tmp_path, "export", "iss", "--models", str(models)) == 0
    loaded = artifact.load(models / "iss")
    assert loaded.card.task == "answer"
    assert isinstance(loaded.card.architecture, BiDAFArchitecture)
    assert list(loaded.card.architecture.hidden_sizes) == record["hidden_sizes"]
    assert loaded.card.dense_hidden_sizes == tiny_reader().hidden_sizes
    assert loaded.card.reading is not None
    capsys.readouterr()
    assert command(paths, tmp_path, "evaluate", str(models / "iss")) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"iss: {name.replace('_', ' ')} {value:.4f}" for name, value in loaded.card.metrics.items()
    ]
    out = str(tmp_path / "reports")
    assert command(paths, tmp_path, "show", "iss", "--out", out) == 0
    for picture in capsys.readouterr().out.splitlines():
        assert Path(picture).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ("the 1 2 3\nof 4 5 6\n", "which are not those of glove-other"),
        ("the 1 2\nof 3 4\n", "of length 3, not 2 as those of glove-other"),
    ],
)
def test_a_reader_is_given_the_word_vectors_it_was_trained_with(
    vectors: str,
    message: str,
    paths: Paths,
    models: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "glove.Other.txt"
    file.write_text(vectors)
    other = replace(paths, word_vectors=file)
    assert command(other, tmp_path, "evaluate", str(models / "squad-bidaf-dense")) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "squad-bidaf-dense was trained with the word vectors glove-tiny-3d" in error
    assert message in error
    assert fine_tune(other, tmp_path, models) == 2
    assert message in capsys.readouterr().err


def test_more_or_fewer_of_the_same_word_vectors_are_no_others(
    paths: Paths, models: Path, tmp_path: Path
) -> None:
    assert fine_tune(paths, tmp_path, models, "word_vector_limit=1") == 0


def test_the_command_of_a_reader_names_its_word_vectors(models: Path) -> None:
    commands = artifact.read_card(models / "squad-bidaf-dense").provenance.command.split(" && ")
    assert len(commands) == 2
    assert all(command.endswith(" --word-vectors glove.Tiny.3d.txt") for command in commands)


def test_what_reads_a_layer_that_is_left_out_is_not_thresholded(paths: Paths) -> None:
    trained = session(paths, "squad-bidaf-iss", "leave_out=contextual")
    assert trained.lasso is not None
    assert isinstance(trained.model, BiDAF)
    reads = 4 * (6 + 5)  # places of the attended context in the input of the start's layer
    before = trained.model.start.weight.detach().clone()
    trained.lasso.threshold_(1e9)
    after = trained.model.start.weight
    assert after[:, :reads].equal(before[:, :reads])
    assert not after[:, reads:].any()
