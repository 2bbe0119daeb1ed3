"""Live shrinking: the same training, in smaller tensors."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import issrnn
from issrnn.architecture import RecurrentLanguageModel
from issrnn.networks import LanguageModel
from tests.issrnn import architectures as arch
from tests.issrnn.shrinking import assert_same

TOKENS = torch.randint(11, (6, 4), generator=torch.Generator().manual_seed(2))
OPTIMIZERS: dict[str, Any] = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01, amsgrad=True),
    "asgd": lambda p: torch.optim.ASGD(p, lr=0.1),
}


def language_model(cell: Any = "lstm") -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(
        RecurrentLanguageModel(cell=cell, vocabulary_size=11, embedding_size=5, hidden_sizes=(8, 7))
    ).double()


def detached(state: Any) -> Any:
    if isinstance(state, tuple):
        return tuple(detached(part) for part in state)
    return state.detach()


def step(model: nn.Module, optimizer: torch.optim.Optimizer, state: Any) -> tuple[Tensor, Any]:
    logits, state = model(TOKENS[:-1], state)
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), TOKENS[1:].flatten())
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    optimizer.step()
    return loss.detach(), detached(state)


def keep_zero(groups: issrnn.Groups, dead: list[list[int]]) -> None:
    for group, components in zip(groups, dead, strict=True):
        group.zero_(components)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_goes_on_as_if_the_zeros_were_still_there(cell: Any, name: str) -> None:
    sparse = language_model(cell)
    embedding, *others = sparse.parameters()
    optimizer = OPTIMIZERS[name]([{"params": [embedding]}, {"params": others, "lr": 0.05}])
    groups = issrnn.find_groups(sparse, TOKENS[:2])
    dead = [[0, 3, 7], [1, 2, 4, 6]]
    _, state = step(sparse, optimizer, None)
    keep_zero(groups, dead)
    # The twin stays sparse: its dead components are set back to zero after every step.
    twin, twin_optimizer = copy.deepcopy((sparse, optimizer))
    twin_groups = issrnn.find_groups(twin, TOKENS[:2])
    twin_state = state

    live = issrnn.shrink_(sparse, groups, optimizer, state)
    assert live.removed == {"layers.0": 3, "layers.1": 4}
    assert sparse.architecture.hidden_sizes == (5, 3)
    state = live.states
    for _ in range(3):
        loss, state = step(sparse, optimizer, state)
        twin_loss, twin_state = step(twin, twin_optimizer, twin_state)
        keep_zero(twin_groups, dead)
        assert_same(twin_loss, loss)
    small = issrnn.shrink(twin, twin_groups)
    assert_same(dict(small.named_parameters()), dict(sparse.named_parameters()))


def test_live_shrinking_equals_shrinking_again_and_again() -> None:
    model = language_model()
    groups = issrnn.find_groups(model, TOKENS[:2])
    for components in ([0], [0, 1], [2]):
        groups[0].zero_(components)
        small = issrnn.shrink(model, groups)
        groups = issrnn.shrink_(model, groups).groups
        assert_same(dict(small.named_parameters()), dict(model.named_parameters()))
    assert model.architecture.hidden_sizes == (4, 7)
    assert groups.model is model
    assert groups[0].model is model


def test_nothing_changes_if_nothing_is_dead() -> None:
    model = language_model()
    groups = issrnn.find_groups(model, TOKENS[:2])
    before = [id(parameter) for parameter in model.parameters()]
    state = model(TOKENS)[1]
    live = issrnn.shrink_(model, groups, states=state)
    assert live.groups is groups
    assert live.states is state
    assert not live.removed
    assert [id(parameter) for parameter in model.parameters()] == before


def test_gradients_are_cut_too() -> None:
    model = language_model()
    groups = issrnn.find_groups(model, TOKENS[:2])
    torch.autograd.backward(model(TOKENS)[0].sum())
    groups[0].zero_([1])
    issrnn.shrink_(model, groups)
    assert all(p.grad is not None and p.grad.shape == p.shape for p in model.parameters())


def test_a_module_of_several_layers_is_replaced_in_place() -> None:
    torch.manual_seed(1)
    model = arch.Sequence2Label("lstm", "sequence", num_layers=2, bidirectional=True).double()
    x = torch.randn(4, 3, 5, dtype=torch.float64)
    optimizer = torch.optim.Adam(model.parameters())
    groups = issrnn.find_groups(model, x)
    torch.autograd.backward(model(x).sum())
    optimizer.step()
    for number, group in enumerate(groups):
        group.zero_(range(number + 1))
    before = model(x)
    issrnn.shrink_(model, groups, optimizer)
    assert isinstance(model.rnn, issrnn.StackedRecurrent)
    assert_same(before, model(x))
    optimizer.zero_grad()
    torch.autograd.backward(model(x).sum())
    optimizer.step()
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert held == {id(p) for p in model.parameters()}
    assert set(map(id, optimizer.state)) <= held


@pytest.mark.parametrize(
    "make",
    [
        arch.LiteralView,
        arch.FixedStart,
        lambda: arch.SumOfDirections("view"),
        lambda: arch.StepByStep("lstm", start="zeros"),
    ],
)
def test_sizes_that_the_code_fixes_stay_so_again_and_again(make: Callable[[], nn.Module]) -> None:
    torch.manual_seed(2)
    model = make().double()
    x = torch.randn(4, 3, 5, dtype=torch.float64)
    optimizer = torch.optim.Adam(model.parameters())
    groups = issrnn.find_groups(model, x)
    for components in ([1], [0, 2]):
        for group in groups:
            group.zero_(components)
        before = model(x)
        size = groups[0].size
        groups = issrnn.shrink_(model, groups, optimizer).groups
        assert groups[0].size == size - len(components)
        assert_same(before, model(x))
        torch.autograd.backward(model(x).sum())
        optimizer.step()
        optimizer.zero_grad()


def test_wrong_states_are_refused_before_anything_changes() -> None:
    model = language_model()
    groups = issrnn.find_groups(model, TOKENS[:2])
    groups[0].zero_([1])
    _, ((h, c), second) = model(TOKENS)
    with pytest.raises(issrnn.ShrinkError, match="states hold 2 tensors; the model was found to"):
        issrnn.shrink_(model, groups, states=(h, c))
    with pytest.raises(issrnn.ShrinkError, match=r"tensor 1 of states: a state of layers\.0 has 8"):
        issrnn.shrink_(model, groups, states=((h, c[..., 1:]), second))
    assert model.architecture.hidden_sizes == (8, 7)


def test_old_groups_are_void_after_shrinking() -> None:
    model = language_model()
    groups = issrnn.find_groups(model, TOKENS[:2])
    groups[0].zero_([1])
    issrnn.shrink_(model, groups)
    with pytest.raises(issrnn.ShrinkError, match="find them again"):
        issrnn.shrink_(model, groups)


def test_a_faster_subclass_of_torchs_module_is_kept() -> None:
    class Faster(nn.LSTM):
        pass

    architecture = RecurrentLanguageModel(vocabulary_size=11, embedding_size=5, hidden_sizes=(8, 7))
    model = LanguageModel(architecture, recurrent=Faster)
    groups = issrnn.find_groups(model, TOKENS[:2])
    groups[0].zero_([1])
    assert isinstance(issrnn.shrink(model, groups).get_submodule("layers.0"), Faster)
    issrnn.shrink_(model, groups)
    assert isinstance(model.layers[0], Faster)
    assert model.architecture.hidden_sizes == (7, 7)


def test_a_model_that_keeps_tensors_of_a_training_step() -> None:
    class Stateful(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.fc = nn.LSTM(5, 6), nn.Linear(6, 3)
            self.hidden: Any = None

        def forward(self, x: Tensor) -> Tensor:
            out, self.hidden = self.rnn(x)
            scores: Tensor = self.fc(out)
            return scores

    model, x = Stateful(), torch.randn(4, 2, 5)
    model(x).sum().backward()
    kept = model.hidden
    groups = issrnn.find_groups(model, x)
    groups[0].zero_([1, 4])
    before = model(x)
    assert issrnn.shrink_(model, groups).removed == {"rnn": 2}
    torch.testing.assert_close(model(x), before)
    assert kept[0].grad_fn is not None


def test_a_refused_module_does_not_keep_others_from_shrinking() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lower, self.upper, self.fc = nn.LSTM(5, 4), nn.LSTM(4, 8), nn.Linear(8, 3)
            nn.utils.parametrizations.weight_norm(self.lower, "weight_hh_l0")

        def forward(self, x: Tensor) -> Any:
            return self.fc(self.upper(self.lower(x)[0])[0])

    model, x = Two(), torch.randn(4, 3, 5)
    groups = issrnn.find_groups(model, x)
    assert [group.owner for group in groups] == ["upper"]
    groups[0].zero_([1])
    before = model(x)
    issrnn.shrink_(model, groups)
    assert model.upper.hidden_size == 7
    assert torch.allclose(model(x), before, atol=1e-6)


def test_rows_and_columns_in_the_optimizers_state_are_cut() -> None:
    model = language_model()
    optimizer = torch.optim.Adafactor(model.parameters(), lr=0.01)
    groups = issrnn.find_groups(model, TOKENS[:2])
    _, state = step(model, optimizer, None)
    keep_zero(groups, [[0, 3], [1]])
    live = issrnn.shrink_(model, groups, optimizer, state)
    assert optimizer.state[model.get_parameter("layers.0.weight_hh_l0")]["col_var"].shape == (1, 6)
    step(model, optimizer, live.states)


def test_an_optimizer_that_cannot_be_cut_is_refused_before_anything_changes() -> None:
    model = language_model()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.01)
    groups = issrnn.find_groups(model, TOKENS[:2])

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = nn.functional.cross_entropy(
            model(TOKENS[:-1])[0].flatten(0, 1), TOKENS[1:].flatten()
        )
        torch.autograd.backward(value)
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    keep_zero(groups, [[0], [1]])
    with pytest.raises(issrnn.ShrinkError, match=r"LBFGS keeps '.*' of shape"):
        issrnn.shrink_(model, groups, optimizer)
    assert model.architecture.hidden_sizes == (8, 7)


def test_a_state_kept_from_an_earlier_call_is_named_as_a_likely_cause() -> None:
    class Stateful(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.fc, self.hidden = nn.GRU(5, 6), nn.Linear(6, 3), None

        def forward(self, x: Tensor) -> Any:
            y, self.hidden = self.rnn(x, self.hidden)
            return self.fc(y)

    model, x = Stateful(), torch.randn(4, 3, 5)
    groups = issrnn.find_groups(model, x)
    model(x)
    groups[0].zero_([1])
    with pytest.raises(issrnn.ShrinkError, match="keeps a state of an earlier call, reset it"):
        issrnn.shrink_(model, groups)
    model.hidden = None
    assert issrnn.shrink_(model, groups).removed == {"rnn": 1}
