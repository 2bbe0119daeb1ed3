"""Sizes that a model's code fixes are found by removing some units on trial."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import issrnn
from tests.issrnn.readers import Reader, X


class Attention(nn.Module):
    """Its scores are divided by the root of the number of units."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.rnn, self.fc = nn.GRU(5, units), nn.Linear(units, 3)

    def forward(self, x: Tensor) -> Any:
        y = self.rnn(x)[0].transpose(0, 1)
        scores = (y @ y.transpose(1, 2) / y.size(-1) ** 0.5).softmax(-1)
        return self.fc((scores @ y).mean(1))


@pytest.mark.parametrize("units", [32, 512])
def test_a_size_in_the_code_is_noticed_at_any_width(units: int) -> None:
    torch.manual_seed(0)
    model = Attention(units)
    groups = issrnn.find_groups(model, X)
    with torch.no_grad():
        for weight in model.rnn.parameters():  # as after some training
            weight.mul_(2)
    groups[0].zero_(range(units // 2))
    small = issrnn.shrink(model, groups)
    assert small.get_submodule("rnn").input_size == 5
    assert torch.allclose(small(X), model(X), atol=1e-6)


def test_a_size_in_the_code_is_noticed_in_small_outputs() -> None:
    torch.manual_seed(0)
    read = lambda m, x: (m.fc(m.rnn(x)[0] / m.rnn.hidden_size**0.5) * 1e-3).softmax(-1)  # noqa: E731
    model = Reader(read)
    groups = issrnn.find_groups(model, X)
    groups[0].zero_(range(4))
    small = issrnn.shrink(model, groups)
    assert torch.allclose(small(X), model(X), rtol=1e-6)


def test_a_large_number_at_masked_places_does_not_hide_a_difference() -> None:
    def read(m: Reader, x: Tensor) -> Tensor:
        y: Tensor = m.fc(m.rnn(x)[0] / m.rnn.hidden_size**0.5)
        return y.masked_fill(x[..., :1] > 0.5, -1e9)

    model = Reader(read)
    nn.init.zeros_(model.fc.weight)  # so that the trial cannot see the size
    groups = issrnn.find_groups(model, X)
    nn.init.ones_(model.fc.weight)
    groups[0].zero_([0, 1, 2])
    with pytest.raises(issrnn.ShrinkError, match="uses their number"):
        issrnn.shrink(model, groups)
    groups = issrnn.find_groups(model, X)
    assert torch.allclose(issrnn.shrink(model, groups)(X), model(X))
