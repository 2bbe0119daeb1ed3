"""Models of users' own that once went wrong."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

import issrnn

SEQUENCE = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(0)).double()


class Stacked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(4, 6, 2, dropout=0.5)
        self.out = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Any:
        start = [x.new_zeros(2, x.shape[1], self.rnn.hidden_size) for _ in range(2)]
        return self.out(self.rnn(x, start)[0])


class FrozenInput(nn.Module):
    """Only the summand of the first product has a gradient."""

    w: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("w", torch.randn(5, 4))
        self.b = nn.Parameter(torch.randn(5))
        self.rnn, self.out = nn.LSTM(5, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Any:
        return self.out(self.rnn(F.linear(x, self.w, self.b))[0])


class Spectrum(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.out = nn.LSTM(4, 64), nn.Linear(64, 3)

    def forward(self, x: Tensor) -> Any:
        return torch.fft.rfft(self.out(self.rnn(x)[0]), dim=0)


class CarriedCell(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell, self.out = nn.GRUCell(4, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor, h: Tensor | None = None) -> Any:
        for step in x:
            h = self.cell(step, h)
        return self.out(h), h


class Under(nn.Module):
    def __init__(self, rnn: nn.GRU) -> None:
        super().__init__()
        self.rnn = rnn

    def forward(self, x: Tensor) -> Any:
        return self.rnn(x)[0]


class TwoParents(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        rnn = nn.GRU(4, 6)
        self.one, self.other, self.out = Under(rnn), Under(rnn), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Any:
        return self.out(self.one(x) + self.other(x.flip(0)))


@pytest.mark.parametrize("training", [True, False])
def test_live_shrinking_leaves_every_module_in_its_mode(*, training: bool) -> None:
    model = Stacked().double().train(training)
    groups = issrnn.find_groups(model, (SEQUENCE,))
    groups[0].zero_([0, 1])
    groups[1].zero_([3])
    issrnn.shrink_(model, groups)
    assert {module.training for module in model.modules()} == {training}
    assert torch.equal(model(SEQUENCE), model(SEQUENCE)) is not training  # drop-out in between


@pytest.mark.parametrize("make", [Stacked, FrozenInput, Spectrum])
def test_a_shrunk_model_gives_the_sparse_models_outputs(make: type[nn.Module]) -> None:
    torch.manual_seed(1)
    model = make().double().eval()
    groups = issrnn.find_groups(model, (SEQUENCE,))
    groups[0].zero_(range(0, groups[0].size, 3))
    small = issrnn.shrink(model, groups)
    assert issrnn.find_groups(small, (SEQUENCE,))[0].size < groups[0].size
    torch.testing.assert_close(small(SEQUENCE), model(SEQUENCE), rtol=0, atol=1e-10)


@pytest.mark.parametrize("inputs", [(SEQUENCE,), (SEQUENCE, torch.zeros(3, 6).double())])
def test_the_carried_state_of_a_cell_in_a_loop_is_seen(inputs: tuple[Tensor, ...]) -> None:
    torch.manual_seed(1)
    model = CarriedCell().double()
    groups = issrnn.find_groups(model, inputs)
    assert [group.owner for group in groups] == ["cell"]
    assert not groups.refused
    groups[0].zero_([1, 4])
    small = issrnn.shrink(model, groups)
    assert [group.size for group in issrnn.find_groups(small, inputs[:1])] == [4]
    torch.testing.assert_close(small(SEQUENCE)[0], model(SEQUENCE)[0], rtol=0, atol=1e-10)


def test_a_module_under_two_parents_is_counted_once_a_call() -> None:
    count = issrnn.count(TwoParents().double(), (SEQUENCE,))
    assert count.multiply_adds == 2 * 15 * 3 * 6 * (4 + 6) + 15 * 6 * 3
