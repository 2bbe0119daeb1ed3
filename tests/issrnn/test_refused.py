"""What is refused, and for which reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import issrnn
from issrnn.architecture import RecurrentLanguageModel
from issrnn.networks import LanguageModel
from tests.issrnn.readers import Reader, X

TOKENS = torch.zeros(2, 1, dtype=torch.int64)


def language_model(cell: Any = "lstm", sizes: tuple[int, ...] = (6, 6)) -> LanguageModel:
    return LanguageModel(
        RecurrentLanguageModel(cell=cell, vocabulary_size=11, embedding_size=5, hidden_sizes=sizes)
    )


def refusals(model: nn.Module, *inputs: Any) -> dict[str, str]:
    groups = issrnn.find_groups(model, inputs)
    return {refusal.owner: refusal.reason for refusal in groups.refused}


REFUSED: dict[str, tuple[nn.Module, str]] = {
    "output": (
        Reader(lambda m, x: (m.fc(m.rnn(x)[0]), m.rnn(x)[0])),
        "reaches the model's output (output[1])",
    ),
    "state": (Reader(lambda m, x: (m.fc(m.rnn(x)[0]), m.rnn(x)[1][0])), "not seen to take it back"),
    "part of the state": (
        Reader(lambda m, x: (m.fc(m.rnn(x)[0]), m.rnn(x)[1][0][0])),
        "reaches the model's output (output[1])",
    ),
    "layer norm": (
        Reader(lambda m, x: m.fc(m.others[0](m.rnn(x)[0])), nn.LayerNorm(6)),
        "native_layer_norm in `others.0`",
    ),
    "softmax": (
        Reader(lambda m, x: m.fc(m.rnn(x)[0].softmax(-1))),
        "softmax in the model's forward runs over all of its units",
    ),
    "mean": (Reader(lambda m, x: m.rnn(x)[0].mean(-1)), "mean in the model's forward"),
    "sort": (Reader(lambda m, x: m.fc(m.rnn(x)[0].sort(-1)[0])), "sort in the model's forward"),
    "numpy": (
        Reader(lambda m, x: m.fc(torch.from_numpy(np.tanh(m.rnn(x)[0].numpy())))),
        "their values leave torch",
    ),
    "in place": (
        Reader(lambda m, x: m.fc(torch.zeros(4, 3, 6).copy_(m.rnn(x)[0]))),
        "written into another tensor",
    ),
    "index": (
        Reader(lambda m, x: m.fc(m.rnn(x)[0][(m.rnn(x)[0] > 0).any(-1)])),
        "any in the model's forward",
    ),
    "glu": (
        Reader(lambda m, x: m.others[0](nn.functional.glu(m.rnn(x)[0])), nn.Linear(3, 2)),
        "glu in the model's forward",
    ),
    "proj_size": (
        Reader(lambda m, x: m.others[0](m.rnn(x)[0]), nn.Linear(4, 2), proj_size=4),
        "without proj_size",
    ),
    "never run": (
        Reader(lambda m, x: m.others[0](x), nn.Linear(5, 2)),
        "was not run by the example inputs",
    ),
    "units as steps": (
        Reader(lambda m, x: m.others[0](m.rnn(x)[0].transpose(0, 2))[0], nn.LSTM(4, 2)),
        "runs over its units as if they were steps",
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_removed_exactly_is_refused_with_the_reason(name: str) -> None:
    model, reason = REFUSED[name]
    found = refusals(model, X)
    assert reason in found["rnn"]
    assert "rnn" not in [group.owner for group in issrnn.find_groups(model, X)]


def test_only_the_units_concerned_are_refused() -> None:
    model = Reader(lambda m, x: (m.fc(m.rnn(x)[0]), m.rnn(x)[0][..., :2]))
    groups = issrnn.find_groups(model, X)
    assert [(g.owner, g.size) for g in groups] == [("rnn", 4)]
    assert groups.refused[0].reason.startswith("2 of 6 units: reaches the model's output")


def test_a_unit_that_is_picked_by_itself_is_refused() -> None:
    model = Reader(lambda m, x: m.fc(m.rnn(x)[0]) + m.rnn(x)[0][..., 2].unsqueeze(-1))
    (refusal,) = issrnn.find_groups(model, X).refused
    assert refusal.reason.startswith("1 of 6 units: a single unit is picked")


def test_a_weight_drop_is_refused_by_name() -> None:
    model = Reader(lambda m, x: m.fc(m.rnn(x)[0]))
    torch.nn.utils.parametrizations.weight_norm(model.rnn, "weight_hh_l0")
    assert "weight_hh_l0 is no plain parameter" in refusals(model, X)["rnn"]


def test_weights_that_two_modules_share_are_refused() -> None:
    class Siamese(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right, self.fc = nn.GRU(5, 6), nn.GRU(5, 6), nn.Linear(6, 3)
            for name, _ in list(self.left.named_parameters()):
                setattr(self.right, name, getattr(self.left, name))

        def forward(self, x: Tensor) -> Tensor:
            fc: Tensor = self.fc(self.left(x)[0] + self.right(x.flip(0))[0])
            return fc

    found = refusals(Siamese(), X)
    reason = "right.weight_ih_l0 is also left.weight_ih_l0: call one module in both places"
    assert found == {"left": reason, "right": reason}


def test_weights_that_two_layers_share_are_refused() -> None:
    model = Reader(lambda m, x: m.fc(m.rnn(x)[0]), num_layers=3)
    model.rnn.weight_hh_l2 = model.rnn.weight_hh_l1
    assert refusals(model, X) == {"rnn": "weight_hh_l2 is shared with another layer of the module"}


class Residual(nn.LSTM):
    def forward(self, x: Tensor, hx: Any = None) -> Any:  # type: ignore[override]
        y, state = super().forward(x, hx)
        return y + x[..., :1], state


class OutputOnly(nn.LSTM):
    def forward(self, x: Tensor, hx: Any = None) -> Any:  # type: ignore[override]
        return super().forward(x, hx)[0]


class OfLengths(nn.LSTM):
    def forward(self, x: Tensor, lengths: Tensor) -> Any:  # type: ignore[override]
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
        return nn.utils.rnn.pad_packed_sequence(super().forward(packed)[0])


class Stack(nn.Module):
    """An LSTM, a layer of another class, a linear layer."""

    def __init__(self, upper: nn.Module, *more: Any) -> None:
        super().__init__()
        self.lower, self.upper, self.fc, self.more = nn.LSTM(5, 4), upper, nn.Linear(6, 3), more

    def forward(self, x: Tensor) -> Any:
        y = self.upper(self.lower(x)[0], *self.more)
        return self.fc(y[0] if isinstance(y, tuple) else y)


@pytest.mark.parametrize(
    "model",
    [
        Stack(Residual(4, 6)),
        Stack(OutputOnly(4, 6)),
        Stack(OfLengths(4, 6), torch.tensor([4, 4, 4])),
    ],
    ids=lambda model: type(model.upper).__name__,
)
def test_a_subclass_that_computes_something_else_is_refused_before_training(model: Stack) -> None:
    groups = issrnn.find_groups(model, X)
    assert not groups
    reasons = {refusal.owner: refusal.reason for refusal in groups.refused}
    assert all("a forward of its own" in reasons[owner] for owner in ("lower", "upper"))


def test_a_cell_of_its_own_kind_is_refused_by_name() -> None:
    class Own(nn.RNNCellBase):
        def __init__(self) -> None:
            super().__init__(5, 6, bias=True, num_chunks=1)

        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.linear(x, self.weight_ih, self.bias_ih).tanh()

    model = nn.Sequential(Own(), nn.Linear(6, 3))
    assert "a Own is no LSTM, GRU or RNN of torch" in refusals(model, X[0])["0"]


def test_modules_that_did_not_run_are_named() -> None:
    model = Reader(lambda m, x: m.fc(m.rnn(x)[0]), nn.Linear(6, 2))
    assert refusals(model, X) == {
        "others.0": "was not run by the example inputs: nothing is known of it"
    }


def test_inputs_and_outputs_of_other_kinds_are_refused_clearly() -> None:
    with pytest.raises(TypeError, match="example_inputs must be a tensor"):
        issrnn.find_groups(language_model(), 3)
    with pytest.raises(TypeError, match="the model's output is a object"):
        issrnn.find_groups(Reader(lambda *_: object()), X)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script")
def test_parts_of_groups_and_classes_are_refused_clearly() -> None:
    model = language_model()
    with pytest.raises(TypeError, match="pass all groups as find_groups"):
        issrnn.shrink(model, issrnn.find_groups(model, TOKENS)[:1])  # type: ignore[arg-type]  # on purpose
    with pytest.raises(TypeError, match="must be an nn"):
        issrnn.find_groups(LanguageModel, TOKENS)  # type: ignore[arg-type]  # on purpose


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, when it loads its compiler
def test_compiled_and_scripted_models_are_refused_clearly() -> None:
    compiled: Any = torch.compile(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="pass the module they came from"):
        issrnn.find_groups(compiled, X)
    with pytest.raises(ValueError, match="pass the module they came from"):
        issrnn.find_groups(torch.jit.script(nn.Linear(2, 2)), X)


def test_a_model_wrapped_for_distributed_training_is_refused_clearly() -> None:
    wrapped = object.__new__(nn.parallel.DistributedDataParallel)
    with pytest.raises(ValueError, match="pass the module inside"):
        issrnn.find_groups(wrapped, X)
