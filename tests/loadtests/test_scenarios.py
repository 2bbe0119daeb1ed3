import logging
from typing import Any

import pytest

from loadtests.scenarios import Contender, Scenario, choose_scenarios, parse_mix, parse_models


def model(name: str, task: str, **changes: Any) -> dict[str, Any]:
    variant = name.split("-")[1]
    return {"name": name, "task": task, "variant": variant, "state": "ready"} | changes


LM_ISS, LM_DENSE = model("lm-iss", "score"), model("lm-dense", "score")
QA_DENSE, QA_ISS, QA_SMALL = (
    model("qa-dense", "answer"),
    model("qa-iss", "answer"),
    model("qa-iss-small", "answer"),
)
MOOD_DENSE, MOOD_SET = model("mood-dense", "classify"), model("mood-set", "classify")
SERVED = [LM_ISS, LM_DENSE, QA_DENSE, QA_ISS, QA_SMALL]


def names(scenario: Scenario) -> list[str]:
    return [contender.name for contender in scenario.contenders]


def test_each_task_is_compared_alone_and_then_all_mixed() -> None:
    score, answer, mix = choose_scenarios(SERVED)

    assert (score.name, names(score)) == ("score", ["lm-dense", "lm-iss"])
    assert (answer.name, names(answer)) == ("answer", ["qa-dense", "qa-iss", "qa-iss-small"])
    assert mix.weights == {"score": 1.0, "answer": 1.0}
    assert mix.contenders == (
        Contender("dense", {"score": "lm-dense", "answer": "qa-dense"}),
        Contender("iss", {"score": "lm-iss", "answer": "qa-iss"}),
    )


def test_variants_that_not_all_tasks_have_are_not_mixed() -> None:
    *alone, mix = choose_scenarios([*SERVED, MOOD_SET, MOOD_DENSE])
    assert [scenario.name for scenario in alone] == ["score", "answer", "classify"]
    assert names(alone[-1]) == ["mood-dense", "mood-set"]
    assert mix.contenders == (
        Contender("dense", {"score": "lm-dense", "answer": "qa-dense", "classify": "mood-dense"}),
    )
    some = choose_scenarios([*SERVED, MOOD_SET], ["mix"], None, {"score": 3.0, "answer": 1.0})
    assert names(some[0]) == ["dense", "iss"]


def test_one_task_alone_is_not_mixed() -> None:
    (score,) = choose_scenarios([LM_DENSE, model("xx-dense", "translate")])
    assert score == Scenario(
        "score", {"score": 1.0}, (Contender("lm-dense", {"score": "lm-dense"}),)
    )
    assert not score.mixed


def test_tasks_without_a_common_variant_are_not_mixed(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "loadtests"):
        found = choose_scenarios([LM_DENSE, QA_ISS])
    assert [scenario.name for scenario in found] == ["score", "answer"]
    assert "not mixed: the tasks have no variant in common; /score is served by lm-dense" in (
        caplog.text
    )


def test_models_that_are_not_ready_take_part_only_when_named() -> None:
    loading = model("lm-set", "score", state="loading")
    assert names(choose_scenarios([LM_DENSE, loading])[0]) == ["lm-dense"]
    assert names(choose_scenarios([LM_DENSE, loading], variants=["lm-set"])[0]) == ["lm-set"]


def test_named_models_keep_their_order_and_choose_the_tasks() -> None:
    (answer,) = choose_scenarios(SERVED, variants=["qa-iss-small", "qa-dense"])
    assert names(answer) == ["qa-iss-small", "qa-dense"]
    mix = choose_scenarios(SERVED, variants=["qa-iss-small", "lm-iss"])[-1]
    assert mix.contenders == (Contender("iss", {"score": "lm-iss", "answer": "qa-iss-small"}),)


def test_what_is_sent_can_be_named() -> None:
    assert [s.name for s in choose_scenarios(SERVED, wanted=["answer"])] == ["answer"]
    assert [s.name for s in choose_scenarios(SERVED, wanted=["mix"])] == ["mix"]
    (mix,) = choose_scenarios(SERVED, wanted=["mix"], mix={"score": 3.0, "answer": 1.0})
    assert mix.weights == {"score": 3.0, "answer": 1.0}
    assert [s.name for s in choose_scenarios(SERVED, ["score"], None, mix.weights)] == [
        "score",
        "mix",
    ]


@pytest.mark.parametrize(
    ("served", "options", "said"),
    [
        ([], {}, "the service has no model for /score or /answer or /classify"),
        ([LM_DENSE], {"wanted": ["answer"]}, "no model to compare serves /answer; /score is ser"),
        ([LM_DENSE], {"mix": {"answer": 1.0}}, "no model to compare serves /answer"),
        ([LM_DENSE], {"wanted": ["mix"]}, "a mix takes two tasks or more"),
        ([LM_DENSE, QA_ISS], {"wanted": ["mix"]}, "a variant .* that each of them has"),
        (SERVED, {"mix": {"answer": 1.0}}, "a mix takes two tasks or more"),
        (SERVED, {"variants": ["lm-gru"]}, "--variants lm-gru is not served; there are: lm-iss,"),
        (
            SERVED,
            {"wanted": ["score"], "variants": ["lm-iss", "qa-iss"]},
            "--variants qa-iss takes no part in what --task asks for",
        ),
    ],
)
def test_what_is_not_served_is_named(
    served: list[dict[str, Any]], options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        choose_scenarios(served, **options)


def test_weights_are_read() -> None:
    assert parse_mix("score=3, answer=0.5") == {"score": 3.0, "answer": 0.5}
    for wrong in ("", "score", "score=0", "score=x", "answer=nan", "summarise=1", "score=1,"):
        with pytest.raises(ValueError, match="--mix takes weights above 0 such as score=1,answer"):
            parse_mix(wrong)


def test_models_are_read() -> None:
    assert parse_models("", ["score", "answer"]) == {}
    assert parse_models("lm-iss", ["score"]) == {"score": "lm-iss"}
    assert parse_models("answer=qa-iss", ["answer"]) == {"answer": "qa-iss"}
    assert parse_models("score=a,answer=b", ["score", "answer"]) == {"score": "a", "answer": "b"}
    for wrong, tasks in (
        ("lm-iss", ["score", "answer"]),
        ("answer=b", ["score"]),
        ("score=", ["score"]),
    ):
        with pytest.raises(ValueError, match="--variant takes the tasks' models as score=NAME"):
            parse_models(wrong, tasks)  # type: ignore[arg-type]  # literals in a list
