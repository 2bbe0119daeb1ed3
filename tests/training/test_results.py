"""From a finished run to a table, an artifact and pictures."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from issrnn import artifact
from tests.training.conftest import TINY, TINY_ISS, run_command, set_options
from tests.training.language_modelling.corpora import random_corpus
from training.checkpoint import load_document, save_document
from training.cli import main
from training.config import override
from training.experiment import Paths, architecture_of
from training.language_modelling.config import LanguageModelConfig
from training.language_modelling.experiment import LanguageModelling
from training.presets import find_preset
from training.run_folder import RunFolder
from training.subject import open_run
from training.weight_maps import down_sample, mapped_matrices


@pytest.fixture(scope="module")
def runs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dense run, an ISS run that shrank while training, and one that only has zeros."""
    folder = tmp_path_factory.mktemp("runs")
    for name, preset, more in (
        ("dense", "ptb-lstm-small-dense", ()),
        ("iss", "ptb-lstm-small-iss", TINY_ISS),
        ("zeros", "ptb-lstm-small-iss", (*TINY_ISS, "shrink_every=0")),
    ):
        assert main(run_command(preset, name, data, folder, *TINY, *more)) == 0
    return folder


def command(runs: Path, data: Path, *arguments: str) -> int:
    return main([*arguments, "--runs", str(runs), "--data", str(data), "--threads", "1"])


def test_training_with_and_without_live_shrinking_agrees(runs: Path) -> None:
    records = {
        name: json.loads((runs / name / "record.json").read_text()) for name in ("iss", "zeros")
    }
    assert records["zeros"]["hidden_sizes"] == [30, 24]
    assert 2 < sum(records["iss"]["hidden_sizes"]) < 54
    live, late = (records[name]["metrics"]["test_perplexity"] for name in ("iss", "zeros"))
    assert live == pytest.approx(late, rel=0.05)  # drop-out draws differ once sizes do


def test_plain_l1_removes_nothing_and_counts_what_it_empties(runs: Path, data: Path) -> None:
    more = set_options("start_from=dense", "shrink_every=0", "l1=0.03", "tau=0.02", "epochs=3")
    assert command(runs, data, "run", "ptb-lstm-small-l1", "--as", "l1", *more) == 0
    record = json.loads((runs / "l1" / "record.json").read_text())
    assert record["best_epoch"] == len(record["epochs"]) == 3
    assert record["hidden_sizes"] == [12, 10]
    first, second = record["empty_components"]
    assert 0 < first + second < 22


def test_components_that_l1_emptied_and_that_are_gone_count_too(runs: Path, data: Path) -> None:
    more = set_options("start_from=dense", "shrink_every=20", "l1=0.03", "tau=0.02", "epochs=3")
    assert command(runs, data, "run", "ptb-lstm-small-l1", "--as", "l1-gone", *more) == 0
    record = json.loads((runs / "l1-gone" / "record.json").read_text())
    left = [12 - record["empty_components"][0], 10 - record["empty_components"][1]]
    assert 0 < sum(left) < 22
    assert all(n <= size for n, size in zip(left, record["hidden_sizes"], strict=True))
    assert sum(record["hidden_sizes"]) < 22


def test_shrinking_keeps_the_perplexity(
    runs: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(runs, data, "shrink", "zeros") == 0
    table = {
        line[:22].strip(): line[22:].split() for line in capsys.readouterr().out.splitlines()[2:-1]
    }
    assert table["ISS sizes"][0] == "30/24"
    assert table["ISS sizes"][1] != "30/24"
    assert table["test perplexity"][0] == table["test perplexity"][1]
    small = open_run(RunFolder(runs / "zeros"), Paths(data, runs), "shrunk")
    assert "/".join(map(str, architecture_of(small.model).hidden_sizes)) == table["ISS sizes"][1]


def test_weights_shrunk_from_an_older_epoch_are_refused(
    runs: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = shutil.copytree(runs / "zeros", tmp_path / "zeros")
    assert command(tmp_path, data, "shrink", "zeros", "--tau", "0.01") == 0
    models = ["--models", str(tmp_path / "models"), "--weights", "shrunk"]
    assert command(tmp_path, data, "export", "zeros", *models, "--as", "small") == 0
    provenance = artifact.read_card(tmp_path / "models" / "small").provenance
    assert provenance.notes.endswith("shrunk with tau 0.01")
    assert provenance.command.endswith(
        "&& python -m training shrink zeros --tau 0.01 "
        "&& python -m training export zeros --weights shrunk --as small"
    )
    document = load_document(own / "shrunk.pt")
    save_document(own / "shrunk.pt", document | {"epoch": document["epoch"] - 1})
    assert command(tmp_path, data, "export", "zeros", *models) == 2
    assert "is of an older epoch than the best weights" in capsys.readouterr().err


def test_a_run_is_not_measured_on_other_data(
    runs: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = shutil.copytree(data, tmp_path / "data")
    file = other / "tiny" / "tiny.test.txt"
    file.write_text(file.read_text().replace("cat", "dog"))
    assert command(runs, other, "evaluate", "iss") == 2
    assert "was trained on other data" in capsys.readouterr().err


@pytest.mark.parametrize("weights", ["best", "last", "shrunk"])
def test_neither_is_a_run_that_is_not_finished(
    weights: str, runs: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = shutil.copytree(runs / "iss", tmp_path / "runs" / "iss")
    (own / "record.json").unlink()
    assert command(tmp_path / "runs", data, "shrink", "iss") == 0
    other = shutil.copytree(data, tmp_path / "data")
    file = other / "tiny" / "tiny.test.txt"
    file.write_text(file.read_text().replace("cat", "dog"))
    assert command(tmp_path / "runs", other, "evaluate", "iss", "--weights", weights) == 2
    assert "was trained on other data" in capsys.readouterr().err


def test_best_weights_that_do_not_know_their_data_are_measured(
    runs: Path, data: Path, tmp_path: Path
) -> None:
    own = shutil.copytree(runs / "iss", tmp_path / "iss")
    best = load_document(own / "best.pt")
    del best["data_sha256"]
    save_document(own / "best.pt", best)
    assert command(tmp_path, data, "evaluate", "iss") == 0
    other = shutil.copytree(data, tmp_path / "data")
    file = other / "tiny" / "tiny.test.txt"
    file.write_text(file.read_text().replace("cat", "dog"))
    assert command(tmp_path, other, "evaluate", "iss") == 2  # the record knows them
    (own / "record.json").unlink()
    assert command(tmp_path, data, "evaluate", "iss") == 0


def test_an_automatic_tau_does_no_harm(
    runs: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(runs, data, "shrink", "dense", "--tau", "auto") == 0
    lines = capsys.readouterr().out.splitlines()
    assert float(lines[0].removeprefix("tau ")) > 0
    row = next(line for line in lines if line.startswith("valid perplexity"))
    before, after = map(float, row.split()[2:])
    assert after <= before * 1.001


@pytest.mark.parametrize("name", ["dense", "iss", "zeros"])
def test_an_artifact_carries_the_measured_figures(
    name: str, runs: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = f"tiny-{name}"
    assert command(runs, data, "export", name, "--models", str(tmp_path), "--as", target) == 0
    loaded = artifact.load(tmp_path / target)
    record = json.loads((runs / name / "record.json").read_text())
    assert loaded.card.metrics["test_perplexity"] == pytest.approx(
        record["metrics"]["test_perplexity"], rel=1e-3
    )
    assert loaded.card.provenance.data_sha256 == record["data_sha256"]
    assert loaded.card.provenance.training == record["config"]
    if name == "dense":
        assert loaded.card.dense_hidden_sizes is None
    else:
        assert loaded.card.dense_hidden_sizes == (30, 24)
        assert 2 < sum(loaded.card.architecture.hidden_sizes) < 54
    capsys.readouterr()
    assert command(runs, data, "evaluate", str(tmp_path / target)) == 0
    printed = capsys.readouterr().out
    assert f"test perplexity {loaded.card.metrics['test_perplexity']:.4f}" in printed


def test_an_artifacts_command_makes_the_same_model_again(
    runs: Path, data: Path, tmp_path: Path
) -> None:
    assert command(runs, data, "export", "iss", "--models", str(tmp_path / "a")) == 0
    first = artifact.load(tmp_path / "a" / "iss")
    run_part, export_part = first.card.provenance.command.split(" && ")
    prefix = "python -m training "
    again = run_part.removeprefix(prefix).split()
    assert command(tmp_path / "runs", data, *again) == 0
    export = export_part.removeprefix(prefix).split()
    models = ["--models", str(tmp_path / "b")]
    assert command(tmp_path / "runs", data, *export, *models) == 0
    second = artifact.load(tmp_path / "b" / "iss")
    assert second.card.metrics == first.card.metrics
    for weight, array in first.weights.items():
        np.testing.assert_array_equal(second.weights[weight], array)


def test_a_run_that_was_renamed_is_made_again_under_its_first_name(
    runs: Path, data: Path, tmp_path: Path
) -> None:
    shutil.copytree(runs / "dense", tmp_path / "renamed")
    models = ["--models", str(tmp_path / "models")]
    assert command(tmp_path, data, "export", "renamed", *models) == 0
    make, export = artifact.read_card(tmp_path / "models" / "renamed").provenance.command.split(
        " && "
    )
    assert "--as dense " in make
    assert export == "python -m training export dense --as renamed"


@pytest.mark.parametrize("stored", ["float16", "float32", "int8"])
def test_the_stored_type_can_be_chosen(stored: str, runs: Path, data: Path, tmp_path: Path) -> None:
    models = ["--models", str(tmp_path), "--stored", stored]
    assert command(runs, data, "export", "dense", *models) == 0
    assert artifact.read_card(tmp_path / "dense").weights_dtype == stored


def test_an_artifact_needs_a_proper_name(
    runs: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = ["--models", str(tmp_path), "--as", "No Name"]
    assert command(runs, data, "export", "dense", *models) == 2
    assert "no artifact can be called 'No Name'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_unfinished_run_is_not_exported(
    runs: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "half").mkdir()
    config = (runs / "dense" / "config.json").read_text()
    (tmp_path / "half" / "config.json").write_text(config)
    assert command(tmp_path, data, "export", "half") == 2
    assert "is not finished" in capsys.readouterr().err


def test_an_artifact_is_not_taken_for_a_run(
    runs: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(runs, data, "export", "dense", "--models", str(tmp_path)) == 0
    card = (tmp_path / "dense" / "config.json").read_text()
    for refused in (
        ["export", str(tmp_path / "dense")],
        ["shrink", str(tmp_path / "dense")],
        run_command("ptb-lstm-small-dense", "dense", data, tmp_path, *TINY)[:-4],
    ):
        capsys.readouterr()
        assert command(tmp_path, data, *refused) == 2
        assert f"{tmp_path / 'dense'} is an artifact, no run" in capsys.readouterr().err
    assert (tmp_path / "dense" / "config.json").read_text() == card


def test_pictures_of_several_models(
    runs: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(runs, data, "show", "dense", "zeros", "--out", str(tmp_path)) == 0
    names = ["dense-weights.png", "zeros-weights.png", "dense-zeros-group-lengths.png"]
    assert capsys.readouterr().out.splitlines() == [str(tmp_path / name) for name in names]
    for name in names:
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("preset", "sizes", "shown"),
    [
        ("ptb-lstm-small-iss", "hidden_sizes=6,5", False),
        ("ptb-rhn-small-iss-0.004", "hidden_sizes=6", True),
    ],
)
def test_maps_show_word_vectors_where_they_are_the_softmax_layer_too(
    preset: str, sizes: str, shown: bool
) -> None:
    config = override(find_preset(preset), ["corpus=tiny", "batch_size=4", "bptt_steps=6", sizes])
    assert isinstance(config, LanguageModelConfig)
    experiment = LanguageModelling(config, random_corpus())
    model = experiment.plain_network(experiment.dense_architecture())
    matrices = mapped_matrices(model, experiment.find_groups(model))
    assert ("embedding.weight" in matrices) is shown
    assert ("decoder.weight" in matrices) is not shown


def test_maps_show_where_weights_are_not_zero() -> None:
    weight = torch.tensor([[0.0, 1.0, 2.0], [3.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
    assert down_sample(weight, 2).tolist() == [[0.0, 1.0], [0.0, 1.0]]


def test_groups_of_a_trained_model_are_its_layers(runs: Path, data: Path) -> None:
    subject = open_run(RunFolder(runs / "dense"), Paths(data, runs))
    assert [group.size for group in subject.experiment.find_groups(subject.model)] == [12, 10]
