"""Any task trains sparse: weights move between epochs, and those that there are are counted."""

import json
from pathlib import Path

import pytest

from tests.training.conftest import set_options, tiny
from training.checkpoint import load_document
from training.cli import main
from training.experiment import Paths
from training.language_modelling.experiment import LanguageModelling
from training.session import make_evolution

SET = ("variant=set", "epsilon=1", "zeta=0.5", "gates=together", "epochs=2")


def run(data: Path, runs: Path, *more: str) -> int:
    where = ["--data", str(data), "--runs", str(runs), "--as", "set", "--threads", "1"]
    return main(["run", "ptb-lstm-small-dense", *where, *set_options(*SET, *more)])


@pytest.mark.parametrize("momentum", ["0", "0.5"])  # without it word vectors have sparse gradients
def test_a_language_model_evolves(data: Path, tmp_path: Path, momentum: str) -> None:
    assert run(data, tmp_path, f"momentum={momentum}") == 0
    experiment = LanguageModelling.open(tiny("ptb-lstm-small-dense", *SET), Paths(data, tmp_path))
    model = experiment.plain_network(experiment.dense_architecture())
    evolution = make_evolution(experiment.config, model)
    assert evolution is not None
    last = load_document(tmp_path / "set" / "checkpoint.pt")
    for name, before in evolution.masks.items():
        after = last["evolution"]["masks"][name]
        assert after.sum() == before.sum()
        assert not after.equal(before)
        assert not last["weights"][name][~after].any()
    record = json.loads((tmp_path / "set" / "record.json").read_text())
    dense = sum(p.numel() for p in model.parameters())
    absent = sum(int((~mask).sum()) for mask in evolution.masks.values())
    assert record["parameters"] == pytest.approx(dense - absent, rel=0.02)


def test_weights_do_not_move_after_the_last_epoch(data: Path, tmp_path: Path) -> None:
    assert run(data, tmp_path, "epochs=1") == 0
    masks = load_document(tmp_path / "set" / "checkpoint.pt")["evolution"]["masks"]
    experiment = LanguageModelling.open(tiny("ptb-lstm-small-dense", *SET), Paths(data, tmp_path))
    model = experiment.plain_network(experiment.dense_architecture())
    evolution = make_evolution(experiment.config, model)
    assert evolution is not None
    assert all(masks[name].equal(mask) for name, mask in evolution.masks.items())
