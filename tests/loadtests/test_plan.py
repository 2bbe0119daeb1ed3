from typing import Any

import pytest

from loadtests.plan import Load, Plan, default_rates, parse_steps


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ({"users": ()}, "--users"),
        ({"users": (0,)}, "--users"),
        ({"rates": (5.0, 0.0)}, "--rates"),
        ({"rounds": 0}, "--rounds"),
        ({"duration": 0.0}, "--duration"),
        ({"duration": float("nan")}, "--duration"),
        ({"warm_up": float("inf")}, "--warm-up"),
        ({"rates": (float("nan"),)}, "--rates"),
        ({"texts_per_request": 0}, "--texts-per-request"),
        ({"top_k": 0}, "--top-k"),
        ({"context_words": (250, 80)}, "--context-words"),
        ({"context_words": (-1, 80)}, "--context-words"),
        ({"warm_up": -1.0}, "--warm-up"),
        ({"max_failed": 1.5}, "--max-failed"),
    ],
)
def test_a_setting_out_of_range_is_named(setting: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Plan(**setting)


def test_no_open_loop_can_be_asked_for() -> None:
    assert Plan(rates=()).rates == ()


def test_default_rates_reach_from_the_slowest_to_the_fastest_variant() -> None:
    assert default_rates([100.0, 1000.0]) == (25.0, 50.0, 75.0, 500.0, 750.0)


def test_variants_of_equal_speed_share_their_rates() -> None:
    assert default_rates([100.0, 100.0]) == (25.0, 50.0, 75.0)


def test_without_any_answer_there_are_no_rates() -> None:
    assert default_rates([0.0, 0.0]) == ()


def test_a_load_reads_as_what_it_is() -> None:
    assert (str(Load("closed", 4)), str(Load("open", 2.5))) == ("4 users", "2.5/s")


def test_steps_are_numbers_of_users() -> None:
    assert parse_steps("1,2, 4") == (1, 2, 4)
    for wrong in ("", "1,two", "3,0"):
        with pytest.raises(ValueError, match="--steps"):
            parse_steps(wrong)
