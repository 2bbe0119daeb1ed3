"""What `--try` says, and the trials it makes."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.conftest import tiny
from training.errors import ConfigError
from training.search.space import Range, Values, draw_trials, parse_space

LAMBDAS = Values("lambda", ("0.1", "0.2", "0.3"))
KEEPS = Values("keep", ("0.5", "1"))
ISS = tiny("ptb-lstm-small-iss")


def test_values_and_ranges_are_read() -> None:
    assert parse_space("lambda=0.1, 0.2,0.3") == LAMBDAS
    assert parse_space("tau=log:1e-5:1e-3") == Range("tau", 1e-5, 1e-3, True, False)
    assert parse_space("batch_size=uniform:10:40") == Range("batch_size", 10, 40, False, True)


@pytest.mark.parametrize(
    "text",
    [
        *("lambda", "lambda=", "keep=normal:0:1", "keep=uniform:a:1", "keep=uniform:1"),
        *("keep=uniform:0:0.5:1", "keep=uniform:1:0.5", "keep=uniform:nan:1", "tau=log:0:1"),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--try"):
        parse_space(text)


def test_every_combination_is_a_trial_of_its_own() -> None:
    trials = draw_trials(ISS, [LAMBDAS, KEEPS], None, seed=1)
    assert {(trial.config.lambda_, trial.config.keep) for trial in trials} == {
        *((0.1, 0.5), (0.1, 1), (0.2, 0.5), (0.2, 1), (0.3, 0.5), (0.3, 1))
    }
    assert trials[0].name == "lambda-0.1-keep-0.5"
    assert all(trial.config.epochs == ISS.epochs for trial in trials)


def test_some_combinations_are_drawn_without_repetition() -> None:
    for count in (1, 4, 6, 100):
        trials = draw_trials(ISS, [LAMBDAS, KEEPS], count, seed=1)
        assert len({trial.name for trial in trials}) == len(trials) == min(count, 6)


def test_what_was_drawn_from_a_range_is_not_drawn_again() -> None:
    sizes = parse_space("batch_size=uniform:1:5")
    for count in (1, 4, 5):
        trials = draw_trials(tiny(), [sizes], count, seed=1)
        assert len({trial.config for trial in trials}) == len(trials) == count
    assert len(draw_trials(tiny(), [sizes], 20, seed=1)) == 5


def test_a_value_that_is_given_twice_counts_once() -> None:
    twice = Values("keep", ("0.5", "0.5", "1"))
    assert len(draw_trials(tiny(), [twice], None, seed=1)) == 2
    for seed in range(9):
        assert len(draw_trials(tiny(), [twice], 2, seed)) == 2


def test_a_field_is_tried_once() -> None:
    again = Values("lambda", ("0.5",))
    for count in (None, 2):
        with pytest.raises(ConfigError, match="--try lambda is there twice"):
            draw_trials(tiny(), [LAMBDAS, KEEPS, again], count, seed=1)


def test_the_seed_decides_the_draw() -> None:
    spaces = [parse_space("lambda=log:0.001:0.1"), KEEPS]
    first, again, other = (draw_trials(ISS, spaces, 5, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


@given(
    low=st.integers(1, 1000), more=st.integers(1, 1000), log=st.booleans(), seed=st.integers(0, 99)
)
def test_what_is_drawn_lies_in_the_range(low: int, more: int, log: bool, seed: int) -> None:
    high = low + more
    whole = Range("batch_size", low, high, log, whole=True).draw(random.Random(seed))
    assert low <= int(whole) <= high
    real = Range("clip", low, high, log, whole=False).draw(random.Random(seed))
    assert low * 0.99 <= float(real) <= high * 1.01  # three digits


def test_a_list_is_written_with_slashes() -> None:
    [trial] = draw_trials(tiny(), [parse_space("hidden_sizes=8/7")], None, seed=1)
    assert trial.config.hidden_sizes == (8, 7)
    assert trial.name == "hidden_sizes-8_7"


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match="--try lamda=1: no field 'lamda'; did you mean"):
        draw_trials(tiny(), [Values("lamda", ("1",))], None, seed=1)
    with pytest.raises(ConfigError, match="--try keep=2"):
        draw_trials(tiny(), [Values("keep", ("2",))], None, seed=1)
    with pytest.raises(ConfigError, match="--trials says how many"):
        draw_trials(tiny(), [parse_space("keep=uniform:0.5:1")], None, seed=1)
