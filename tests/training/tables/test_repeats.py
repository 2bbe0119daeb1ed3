"""Runs with several seeds or folds are one line, and one loop makes them."""

import pytest

from tests.training.tables.test_classification import RECORDS, record
from training.errors import RunError
from training.tables.repeats import group_repeats


def test_seeds_of_a_run_are_one_line() -> None:
    repeated, *others = group_repeats(RECORDS)
    assert [others[0].cells()[0], others[0].command()] == [
        "imdb-lstm-iss",
        "python -m training run imdb-lstm-iss",
    ]
    assert repeated.cells() == (
        *("imdb-lstm-set-seed{1,2,10}", "0.2", "6", "a machine", "2026-01-02", "01234567"),
    )
    assert repeated.command() == (
        "for seed in 1 2 10; do python -m training run imdb-lstm-set "
        "--as imdb-lstm-set-seed$seed --set seed=$seed; done"
    )


def test_a_single_repeat_has_the_command_of_its_run() -> None:
    runs = [record("sanders-lstm-dense", "sanders-lstm-dense-fold3", 70.0, 5, fold=3)]
    (alone,) = group_repeats(runs)
    assert alone.command() == (
        "python -m training run sanders-lstm-dense --as sanders-lstm-dense-fold3 --set fold=3"
    )


def test_the_loop_sets_what_the_preset_does_not() -> None:
    runs = [record("imdb-lstm-set", f"imdb-lstm-set-seed{s}", 87.0, 5, seed=s) for s in (0, 1)]
    runs[0] |= {"created": "2026-03-05T00:00:00+00:00", "machine": "another"}
    (both,) = group_repeats(runs)
    assert both.command() == (
        "for seed in 0 1; do python -m training run imdb-lstm-set "
        "--as imdb-lstm-set-seed$seed --set seed=$seed; done"
    )
    assert both.cells()[3:5] == ("another; a machine", "2026-03-05")


def test_runs_that_are_named_as_repeats_and_are_none_are_refused() -> None:
    first = record("imdb-lstm-set", "imdb-lstm-set-seed1", 87.0, 5, seed=1)
    other = record("imdb-lstm-set", "imdb-lstm-set-seed2", 87.0, 5, seed=2, keep=0.9)
    with pytest.raises(RunError, match="seed1 and imdb-lstm-set-seed2 are named as repeats, but"):
        group_repeats([first, other])
    other = record("imdb-lstm-set", "imdb-lstm-set-seed2", 87.0, 5, seed=3)
    with pytest.raises(RunError, match="the record imdb-lstm-set-seed2 is of seed 3"):
        group_repeats([first, other])
    other = record("imdb-lstm-set", "imdb-lstm-set", 87.0, 5)
    with pytest.raises(RunError, match="named as one run: end both in -seedN"):
        group_repeats([first, other])
