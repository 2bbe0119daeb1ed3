"""tau: the largest threshold without harm, and the model left as it was."""

import pytest
import torch
from torch import nn

from training.tau import choose_tau

CANDIDATES = (0.001, 0.01, 0.1, 1.0)


def weights() -> nn.Parameter:
    return nn.Parameter(torch.tensor([0.0005, 0.005, 0.05, 0.5]))


@pytest.mark.parametrize(
    ("needed", "expected"), [(0, 0.0), (1, 0.001), (2, 0.01), (3, 0.1), (4, 1.0)]
)
def test_the_largest_harmless_threshold_is_found(needed: int, expected: float) -> None:
    parameter = weights()
    before = parameter.detach().clone()

    def metric() -> float:
        zeros = int((parameter == 0).sum())
        return 100.0 if zeros <= needed else 101.0

    assert choose_tau([parameter], metric, candidates=CANDIDATES) == expected
    assert parameter.equal(before)


def test_a_failing_metric_leaves_the_model_as_it_was() -> None:
    parameter = weights()
    before = parameter.detach().clone()

    def metric() -> float:
        if (parameter == 0).any():
            raise KeyboardInterrupt
        return 1.0

    with pytest.raises(KeyboardInterrupt):
        choose_tau([parameter], metric, candidates=CANDIDATES)
    assert parameter.equal(before)
