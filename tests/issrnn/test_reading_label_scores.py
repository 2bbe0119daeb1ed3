"""Accuracy and macro F1, beside another implementation."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.functional.classification import multiclass_f1_score

from issrnn.reading import score_labels


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60))
def test_scores_are_accuracy_and_the_mean_of_the_labels_f1(pairs: list[tuple[int, int]]) -> None:
    found, true = np.array(pairs).T
    expected = multiclass_f1_score(torch.tensor(found), torch.tensor(true), 3, average="macro")
    scores = score_labels(found, true)
    assert scores["macro_f1"] == pytest.approx(100 * float(expected), rel=1e-5)
    assert scores["accuracy"] == pytest.approx(100 * np.mean(found == true))


def test_the_definition_by_example() -> None:
    scores = score_labels(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]))
    assert scores["accuracy"] == 75.0
    assert scores["macro_f1"] == pytest.approx(100 * (4 / 5 + 2 / 3) / 2)
