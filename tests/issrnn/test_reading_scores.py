"""Exact match and F1, beside another implementation of the official definition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.functional.text import squad

from issrnn.reading import exact_match, f1

answers = st.text("the an A cat, dog. catdog! -é\u2019'1\t_", max_size=25)


@given(answers, st.lists(answers, min_size=1, max_size=3))
def test_agrees_with_torchmetrics(prediction: str, truths: list[str]) -> None:
    reference = squad(
        [{"prediction_text": prediction, "id": "q"}],
        [{"answers": {"answer_start": [0] * len(truths), "text": truths}, "id": "q"}],
    )
    assert 100 * exact_match(prediction, truths) == pytest.approx(float(reference["exact_match"]))
    assert 100 * f1(prediction, truths) == pytest.approx(float(reference["f1"]))


@pytest.mark.parametrize(
    ("prediction", "truths", "exact", "overlap"),
    [
        ("the Eiffel Tower!", ["Eiffel tower"], 1.0, 1.0),
        ("tower", ["Eiffel tower"], 0.0, 2 / 3),
        ("in Paris", ["London", "Paris"], 0.0, 2 / 3),
        ("Paris", ["London"], 0.0, 0.0),
        ("", ["London"], 0.0, 0.0),
        ("the!", ["A"], 1.0, 1.0),
    ],
)
def test_the_definition_by_example(
    prediction: str, truths: list[str], exact: float, overlap: float
) -> None:
    assert exact_match(prediction, truths) == exact
    assert f1(prediction, truths) == pytest.approx(overlap)


def test_nothing_can_be_scored_without_true_answers() -> None:
    for score in (exact_match, f1):
        with pytest.raises(ValueError, match="without true answers"):
            score("Paris", [])
