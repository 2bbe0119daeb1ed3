from typing import Any

import pytest

from loadtests.scenarios import Contender
from loadtests.services import choose_across, models_of

OLD, NEW = "http://old:8000", "https://new:8000"


def model(name: str, task: str = "score") -> dict[str, Any]:
    return {"name": name, "task": task, "variant": name.rpartition("-")[2], "state": "ready"}


def test_one_service_is_compared_under_its_models_own_names() -> None:
    served = {OLD: [model("lm-iss"), model("lm-dense")]}
    (score,) = choose_across(served)
    assert score.contenders == (
        Contender("lm-dense", {"score": "lm-dense"}, OLD),
        Contender("lm-iss", {"score": "lm-iss"}, OLD),
    )
    assert models_of(served, [score]) == [model("lm-dense"), model("lm-iss")]


def test_services_stand_side_by_side_in_their_order() -> None:
    served = {OLD: [model("lm-dense")], NEW: [model("lm-iss"), model("lm-dense")]}
    (score,) = choose_across(served)
    assert score.contenders == (
        Contender(f"lm-dense at {OLD}", {"score": "lm-dense"}, OLD),
        Contender(f"lm-dense at {NEW}", {"score": "lm-dense"}, NEW),
        Contender("lm-iss", {"score": "lm-iss"}, NEW),
    )
    assert models_of(served, [score]) == [
        model("lm-dense") | {"host": OLD},
        model("lm-dense") | {"host": NEW},
        model("lm-iss") | {"host": NEW},
    ]


def test_named_models_are_looked_for_in_every_service() -> None:
    served = {OLD: [model("lm-dense"), model("lm-iss")], NEW: [model("lm-plain")]}
    (score,) = choose_across(served, variants=["lm-plain", "lm-iss"])
    assert [each.name for each in score.contenders] == ["lm-iss", "lm-plain"]
    with pytest.raises(ValueError, match="https://new:8000: none of --variants lm-iss is served"):
        choose_across(served, variants=["lm-iss"])
    with pytest.raises(ValueError, match="http://old:8000: --variants lm-gru is not served"):
        choose_across(served, variants=["lm-iss", "lm-gru"])


def test_a_task_is_compared_where_it_is_served() -> None:
    served = {OLD: [model("lm-dense"), model("qa-dense", "answer")], NEW: [model("lm-iss")]}
    scenarios = {each.name: each for each in choose_across(served)}
    assert [each.host for each in scenarios["score"].contenders] == [OLD, NEW]
    assert [each.host for each in scenarios["answer"].contenders] == [OLD]
    assert [each.name for each in scenarios["mix"].contenders] == ["dense"]
    with pytest.raises(ValueError, match="https://new:8000: no model to compare serves /answer"):
        choose_across(served, wanted=["answer"])


def test_all_services_are_sent_the_same_mix() -> None:
    two = [model("lm-dense"), model("qa-dense", "answer")]
    three = [*two, model("mood-dense", "classify")]
    with pytest.raises(ValueError, match="https://new:8000 does not serve the same tasks"):
        choose_across({OLD: two, NEW: three})
    (mix,) = choose_across({OLD: two, NEW: three}, ["mix"], None, {"score": 3, "answer": 1})
    assert [each.name for each in mix.contenders] == [f"dense at {OLD}", f"dense at {NEW}"]
