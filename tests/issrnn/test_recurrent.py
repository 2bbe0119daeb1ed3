"""A module of layers of different sizes behaves as torch's own."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence

import issrnn
from issrnn.layout import convert_state, layout_of
from issrnn.verify import check_shapes
from tests.issrnn.architectures import CELLS
from tests.issrnn.shrinking import assert_same, example


class Chunked(nn.Module):
    """Takes and returns its state, in one module of several layers."""

    def __init__(self, cell: str, **options: Any) -> None:
        super().__init__()
        self.rnn = CELLS[cell](5, 6, **options)
        self.fc = nn.Linear(6 * (1 + options.get("bidirectional", False)), 3)

    def forward(self, x: Any, state: Any = None) -> Any:
        out, state = self.rnn(x, state)
        return self.fc(out.data), state


def shrunk(cell: str, **options: Any) -> tuple[Chunked, nn.Module, issrnn.Groups]:
    torch.manual_seed(4)
    model, _ = example(Chunked(cell, **options))
    x = torch.randn(4, 3, 5, dtype=torch.float64)
    groups = issrnn.find_groups(model, x)
    for number, group in enumerate(groups):
        group.zero_(range(1, 2 + number))
    return model, issrnn.shrink(model, groups), groups


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("batch_first", [False, True])
def test_a_sequence_in_chunks_with_carried_state_equals_the_whole(
    cell: str, batch_first: bool
) -> None:
    model, small, _ = shrunk(cell, num_layers=3, batch_first=batch_first)
    x = torch.randn(4, 6, 5, dtype=torch.float64)
    time = 1 if batch_first else 0
    first, rest = torch.split(x, [2, x.shape[time] - 2], time)
    out, state = small(first)
    h = state[0] if cell == "lstm" else state
    assert h.shape == (3, 4 if batch_first else 6, 5)  # the largest layer's size; zeros elsewhere
    assert not h[1, :, 4:].any()
    chunks = torch.cat([out, small(rest, state)[0]], time)
    assert_same(model(x)[0], chunks)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_both_directions_with_a_given_state(cell: str) -> None:
    model, small, _ = shrunk(cell, num_layers=2, bidirectional=True)
    x = torch.randn(4, 3, 5, dtype=torch.float64)
    shape = (4, 3, 6)
    start = torch.randn(shape, dtype=torch.float64)
    old, new = layout_of(model.rnn, "rnn"), layout_of(small.get_submodule("rnn"), "rnn")
    kept = [torch.tensor([0, *range(2 + number, 6)]) for number in range(4)]
    states = (start, start * 0.5) if cell == "lstm" else (start,)
    smaller = tuple(convert_state(state, old, new, kept) for state in states)
    one = cell != "lstm"
    out, final = model(x, states[0] if one else states)
    small_out, small_final = small(x, smaller[0] if one else smaller)
    assert_same(out, small_out)
    finals = (final,) if one else final
    expected = tuple(convert_state(state, old, new, kept) for state in finals)
    assert_same(expected[0] if one else expected, small_final)


@pytest.mark.parametrize("sort", [False, True])
def test_packed_and_unbatched_inputs(sort: bool) -> None:
    model, small, _ = shrunk("lstm", num_layers=2, bidirectional=True)
    lengths = [3, 5, 1] if sort else [5, 3, 1]
    sequences = [torch.randn(length, 5, dtype=torch.float64) for length in lengths]
    packed = pack_sequence(sequences, enforce_sorted=not sort)
    assert_same(model(packed)[0], small(packed)[0])
    alone, (h, _) = small(sequences[0])
    assert_same(model(sequences[0])[0], alone)
    assert h.dim() == 2
    batch_h = small(packed)[1][0]
    assert_same(h, batch_h[:, 0])


def test_a_state_of_another_size_is_refused() -> None:
    _, small, _ = shrunk("gru", num_layers=2)
    with pytest.raises(RuntimeError, match=r"expected a state of shape \(2, batch, 5\)"):
        small(torch.randn(4, 3, 5).double(), torch.zeros(2, 3, 6).double())


def test_dropout_between_layers_stays_and_modes_are_kept() -> None:
    model = Chunked("lstm", num_layers=2, dropout=0.5).train()
    x = torch.randn(4, 3, 5)
    groups = issrnn.find_groups(model, x)
    groups[0].zero_([1])
    small = issrnn.shrink(model, groups)
    assert small.training
    assert small.get_submodule("rnn").training
    assert not torch.equal(small(x)[0], small(x)[0])
    assert torch.equal(small.eval()(x)[0], small(x)[0])


def test_equal_sizes_stay_one_torch_module() -> None:
    model, _ = example(Chunked("lstm", num_layers=2, bidirectional=True))
    x = torch.randn(4, 3, 5).double()
    groups = issrnn.find_groups(model, x)
    for number, group in enumerate(groups):
        group.zero_([number, 5])
    small = issrnn.shrink(model, groups)
    rnn = small.get_submodule("rnn")
    assert type(rnn) is nn.LSTM
    assert rnn.hidden_size == 4
    assert_same(model(x)[0], small(x)[0])


def test_weights_and_state_dict_survive_a_round_trip() -> None:
    _, small, _ = shrunk("lstm", num_layers=2, bidirectional=True)
    names = set(dict(small.named_parameters()))
    assert "rnn.l1_reverse.weight_hh_l0" in names
    other = shrunk("lstm", num_layers=2, bidirectional=True)[1]
    other.load_state_dict(small.state_dict())


def test_shapes_that_torch_runs_on_silently_are_caught() -> None:
    # What other pruners leave behind: torch's CPU LSTM computes with these without an error.
    model = nn.Sequential(nn.LSTM(64, 6))
    lstm = model[0]
    lstm.weight_hh_l0 = nn.Parameter(torch.randn(5, 6))
    lstm.weight_ih_l0 = nn.Parameter(torch.randn(24, 20))
    with pytest.raises(issrnn.ShrinkError, match=r"weight_.h_l0 has shape .* needs"):
        check_shapes(model)


@pytest.mark.parametrize(
    ("module", "name", "shape", "needed"),
    [
        (nn.Linear(6, 3), "weight", (3, 5), (3, 6)),
        (nn.Linear(6, 3), "bias", (2,), (3,)),
        (nn.Embedding(9, 4), "weight", (8, 4), (9, 4)),
        (nn.Conv1d(4, 6, 3, groups=2), "weight", (6, 4, 3), (6, 2, 3)),
        (nn.Conv2d(4, 6, (3, 5)), "weight", (5, 4, 3, 5), (6, 4, 3, 5)),
        (nn.Conv2d(4, 6, 3), "bias", (5,), (6,)),
        (nn.PReLU(5), "weight", (4,), (5,)),
    ],
)
def test_weights_have_the_sizes_that_their_module_tells(
    module: nn.Module, name: str, shape: tuple[int, ...], needed: tuple[int, ...]
) -> None:
    check_shapes(module)
    setattr(module, name, nn.Parameter(torch.zeros(shape)))
    said = f"{name} has shape {shape}; its {type(module).__name__} needs {needed}"
    with pytest.raises(issrnn.ShrinkError, match=re.escape(said)):
        check_shapes(module)


def test_a_shrunk_bare_module_takes_the_place_of_the_model() -> None:
    model, _ = example(nn.LSTM(5, 6, num_layers=2))
    x = torch.randn(4, 3, 5).double()
    groups = issrnn.find_groups(model, x)
    groups[0].zero_([1, 2])
    small = issrnn.shrink(model, groups)
    assert isinstance(small, issrnn.StackedRecurrent)
    assert_same(model(x)[0], small(x)[0])
    with pytest.raises(issrnn.ShrinkError, match="put it into another module"):
        issrnn.shrink_(model, groups)


def test_a_check_that_fails_says_what_differs() -> None:
    class Positional(nn.Module):
        """Begins to depend on a size after its groups were found."""

        late = False

        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.fc = nn.LSTM(5, 6), nn.Linear(6, 3)

        def forward(self, x: Tensor) -> Any:
            factor = float(self.rnn.hidden_size) if self.late else 1.0
            return self.fc(self.rnn(x)[0]) * factor

    model, inputs = example(Positional(), torch.randn(4, 3, 5))
    groups = issrnn.find_groups(model, inputs)
    groups[0].zero_([1])
    model.late = True
    with pytest.raises(issrnn.ShrinkError, match="output differs by"):
        issrnn.shrink(model, groups)
