"""Recurrences that are no torch modules are named, so that no one thinks a model has none."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import issrnn
from issrnn.architecture import RecurrentHighwayLanguageModel
from issrnn.networks import RecurrentHighwayNetwork
from tests.issrnn import architectures as arch

X = torch.randn(4, 3, 6, generator=torch.Generator().manual_seed(1))
TOKENS = torch.randint(11, (4, 2), generator=torch.Generator().manual_seed(2))


class Cell(nn.Module):
    """h' = f(W x + U h), its weights in two products or in one."""

    def __init__(self, step: Callable[[Tensor], Tensor], *, joint: bool) -> None:
        super().__init__()
        self.step, self.joint = step, joint
        self.w, self.u = nn.Linear(6, 6), nn.Linear(12 if joint else 6, 6)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return self.step(self.u(torch.cat([x, h], -1)) if self.joint else self.w(x) + self.u(h))


class Looped(nn.Module):
    """A cell over a sequence, below an LSTM."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell, self.top, self.read = cell, nn.LSTM(6, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(x.shape[1], 6)
        outputs = []
        for step in x:
            h = self.cell(step, h)
            outputs.append(h)
        read: Tensor = self.read(self.top(torch.stack(outputs))[0])
        return read


def hand_made(model: nn.Module, *inputs: Tensor) -> list[str]:
    """Owners of the refusals that say how to declare them."""
    refused = issrnn.find_groups(model, inputs).refused
    return [refusal.owner for refusal in refused if "declare_groups" in refusal.reason]


@pytest.mark.parametrize("joint", [False, True], ids=["two products", "one product"])
@pytest.mark.parametrize(
    "step", [torch.tanh, nn.LayerNorm(6), nn.Softmax(-1)], ids=["tanh", "layer norm", "softmax"]
)
def test_a_cell_of_ones_own_is_named_beside_the_groups_of_torch_modules(
    step: Callable[[Tensor], Tensor], joint: bool
) -> None:
    model = Looped(Cell(step, joint=joint))
    assert hand_made(model, X) == ["cell.u"]
    assert [group.owner for group in issrnn.find_groups(model, X)] == ["top"]


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("embedding_size", [None, 4])
def test_a_recurrent_highway_network_is_named_once(depth: int, embedding_size: int | None) -> None:
    model = RecurrentHighwayNetwork(
        RecurrentHighwayLanguageModel(
            vocabulary_size=11, hidden_sizes=(7,), depth=depth, embedding_size=embedding_size
        )
    )
    [owner] = hand_made(model, TOKENS)
    assert owner == ("highway.recurrent.0" if depth == 1 else "highway.recurrent")
    declared = issrnn.declare_groups(model, model.declaration, TOKENS)
    assert not declared.refused


def test_a_cell_that_is_the_whole_model_is_named_the_model() -> None:
    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.u = nn.Parameter(torch.ones(6, 6))

        def forward(self, x: Tensor) -> Tensor:
            h = x[0]
            for step in x[1:]:
                h = torch.tanh(step + h @ self.u)
            return h

    assert hand_made(Whole(), X) == ["(model)"]


class Feedforward(nn.Module):
    """Layers that are added to what they read, and an encoder whose decoder is its transpose."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(6, 6) for _ in range(3))
        self.code = nn.Parameter(torch.ones(6, 6))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = x + torch.relu(layer(x))
        return torch.tanh(x @ self.code) @ self.code.t()


@pytest.mark.parametrize(
    ("model", "inputs"),
    [
        (Feedforward(), X),
        (arch.StepByStep("lstm"), X[..., :5]),
        (arch.TiedLanguageModel(), TOKENS),
        (arch.ResidualStack(), X[..., :4]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_layers_that_read_others_and_torch_cells_are_not(model: nn.Module, inputs: Tensor) -> None:
    assert hand_made(model, inputs) == []
