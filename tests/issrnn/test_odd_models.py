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


class Scored(nn.Module):
    """Scores each step by a vector of shape (1, 1, units), as attention does."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.scorer = nn.GRU(4, 6), nn.Parameter(torch.randn(1, 1, 6))

    def forward(self, x: Tensor) -> Any:
        return (self.rnn(x)[0].tanh() * self.scorer).sum(-1)


class TwoPrecisions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.out = nn.GRU(4, 6).float(), nn.Linear(6, 3).double()

    def forward(self, x: Tensor) -> Any:
        return self.out(self.rnn(x.float())[0].double())


class ChangesItsInputs(nn.Module):
    """Takes a mapping and writes into what it holds."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.out = nn.GRU(4, 6), nn.Linear(6, 3)

    def forward(self, batch: dict[str, Tensor]) -> Any:
        batch["x"] = batch["x"].mul_(2.0)
        return self.out(self.rnn(batch.pop("x"))[0])


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


def test_a_vector_behind_axes_of_length_one_is_regularised() -> None:
    torch.manual_seed(1)
    model = Scored().double()
    (group,) = issrnn.find_groups(model, (SEQUENCE,))
    lasso, lengths = issrnn.GroupLasso([group]), group.norms()
    torch.testing.assert_close(lasso.lengths(), lengths)
    model(SEQUENCE).sum().backward()
    before = model.scorer.detach().clone()
    assert model.scorer.grad is not None
    gradient = model.scorer.grad.clone()
    lasso.add_gradient_(0.3)
    torch.testing.assert_close(model.scorer.grad - gradient, 0.3 * before / lengths)
    lasso.l1_subgradient_(0.2)
    lasso.proximal_step_(0.1)
    torch.testing.assert_close(model.scorer.detach(), before * (1 - 0.1 / lengths))
    lasso.threshold_(float(before.abs().max()))
    assert not model.scorer.any()


def test_parameters_of_two_precisions_are_regularised_together() -> None:
    torch.manual_seed(1)
    model = TwoPrecisions()
    (group,) = issrnn.find_groups(model, (SEQUENCE,))
    lasso = issrnn.GroupLasso([group])
    before = group.norms()
    torch.testing.assert_close(lasso.lengths(), before, rtol=1e-6, atol=0)
    model(SEQUENCE).sum().backward()
    lasso.add_gradient_(0.1)
    lasso.proximal_step_(float(before[0]) + 1e-3)
    assert group.norms()[0] == 0.0
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32, torch.float64}


def test_example_inputs_stay_as_the_caller_had_them() -> None:
    torch.manual_seed(1)
    model = ChangesItsInputs().double()
    batch = {"x": SEQUENCE.clone()}
    groups = issrnn.find_groups(model, (batch,))
    issrnn.count(model, (batch,))
    assert batch["x"].equal(SEQUENCE)
    batch["x"].fill_(torch.nan)  # nor do the groups see what becomes of them
    groups[0].zero_([0])
    issrnn.shrink(model, groups)


def test_a_state_from_a_training_step_may_be_among_the_example_inputs() -> None:
    model = CarriedCell().double()
    _, state = model(SEQUENCE)
    assert state.grad_fn is not None
    groups = issrnn.find_groups(model, (SEQUENCE, state))
    assert [group.owner for group in groups] == ["cell"]
    assert issrnn.count(model, (SEQUENCE, state)).positions == 15
    assert state.grad_fn is not None


def test_groups_are_found_in_inference_mode_too() -> None:
    model = Stacked().double()
    found = issrnn.find_groups(model, (SEQUENCE,))
    with torch.inference_mode():
        groups = issrnn.find_groups(model, (SEQUENCE * 1.0,))
        assert issrnn.count(model, (SEQUENCE * 1.0,)) == issrnn.count(model, (SEQUENCE,))
    assert str(groups) == str(found)
    assert not groups.refused


def test_a_module_under_two_parents_is_counted_once_a_call() -> None:
    count = issrnn.count(TwoParents().double(), (SEQUENCE,))
    assert count.multiply_adds == 2 * 15 * 3 * 6 * (4 + 6) + 15 * 6 * 3
