"""The step benchmark runs real steps of every variant, in turn."""

import json
from pathlib import Path

import pytest

from issrnn.lasso import GroupLasso
from training.cli import main
from training.language_modelling.benchmark import StepWorkload, table, time_steps
from training.timing import Times

TINY = StepWorkload(hidden_size=6, vocabulary_size=20, batch_size=2, bptt_steps=3, rounds=2)


def test_every_variant_is_measured_in_every_round() -> None:
    calls: list[None] = []
    times = time_steps(TINY, between=lambda: calls.append(None))
    assert [len(measured.milliseconds) for measured in times] == [2] * 5
    assert all(value > 0 for measured in times for value in measured.milliseconds)
    assert len(calls) == 5 * 3  # one round warms up


def test_group_lasso_is_measured_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[float] = []
    monkeypatch.setattr(GroupLasso, "proximal_step_", lambda _, *given: called.append(given[-1]))
    time_steps(TINY)
    with_threshold = [threshold for threshold in called if threshold > 0]
    assert len(called) == 2 * len(with_threshold) == 2 * 3  # two variants, two rounds, a warm-up


def test_the_table_gives_medians_and_ratios() -> None:
    times = [
        Times("nn.LSTM, fp32", (100.0, 120.0, 90.0)),
        Times("FastLSTM, fp32", (60.0,)),
        Times("FastLSTM, bf16", (40.0,)),
        Times("... + group lasso", (42.0,)),
    ]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table(times).splitlines()]
    assert rows[2] == ["nn.LSTM, fp32", "100", "90 to 120", "1.00x", "+150.0%"]
    assert rows[5] == ["... + group lasso", "42", "42 to 42", "2.38x", "+5.0%"]


def test_the_command_prints_its_conditions_and_records(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "times.json"
    sizes = ["--hidden", "6", "--vocabulary", "20", "--rounds", "1", "--threads", "1"]
    assert main(["benchmark-step", *sizes, "--record", str(record)]) == 0
    output = capsys.readouterr().out
    assert "| nn.LSTM, fp32 " in output
    assert "2 x 6 units, 20 words, batch 20, 35 steps" in output
    assert len(json.loads(record.read_text())["milliseconds"]) == 5
