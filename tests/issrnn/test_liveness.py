"""When a component can no longer matter: both rules are exact, and nothing else counts."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import issrnn
from tests.issrnn import architectures as arch
from tests.issrnn.shrinking import example, result

X = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(1))
PAIR = torch.randn(5, 3, 4), torch.randn(4, 3, 4)


def removable(model: nn.Module, groups: issrnn.Groups) -> list[list[int]]:
    return [
        mask.nonzero().reshape(-1).tolist() for mask in issrnn.removable_components(model, groups)
    ]


def set_(model: nn.Module, name: str, place: Any, value: float) -> None:
    with torch.no_grad():
        model.get_parameter(name)[place] = value


@pytest.mark.parametrize(
    ("reader", "place"),
    [
        ("fc.weight", (0, 2)),
        ("rnn.weight_hh_l0", (7, 2)),
        ("rnn.weight_hh_l0_reverse", (3, 2)),
        ("rnn.weight_ih_l1", (1, 2)),
        ("rnn.weight_ih_l1_reverse", (0, 8)),
    ],
)
def test_one_weight_that_reads_a_unit_keeps_it(reader: str, place: tuple[int, int]) -> None:
    model = arch.Sequence2Label("lstm", "sequence", num_layers=2, bidirectional=True)
    model, inputs = example(model, X)
    groups = issrnn.find_groups(model, inputs)
    for group in groups:
        group.zero_([2])
    assert removable(model, groups) == [[2]] * 4
    set_(model, reader, place, 1e-3)
    (kept,) = [n for n, found in enumerate(removable(model, groups)) if found == []]
    owner = groups[kept].owner
    expected = {
        ("fc.weight", (0, 2)): "rnn.l1",
        ("rnn.weight_hh_l0", (7, 2)): "rnn.l0",
        ("rnn.weight_hh_l0_reverse", (3, 2)): "rnn.l0_reverse",
        ("rnn.weight_ih_l1", (1, 2)): "rnn.l0",
        ("rnn.weight_ih_l1_reverse", (0, 8)): "rnn.l0_reverse",
    }
    assert owner == expected[reader, place]


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_a_unit_that_is_zero_at_every_step_goes_though_it_is_read(cell: str) -> None:
    model, inputs = example(arch.Sequence2Label(cell, "sequence"), X)
    groups = issrnn.find_groups(model, inputs)
    gate = 0 if cell == "rnn" else 2  # the gate whose activation is the new content
    row = gate * 6 + 4
    for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
        set_(model, f"rnn.{name}", row, 0.0)
    assert removable(model, groups) == [[4]]
    with torch.no_grad():
        assert torch.allclose(issrnn.shrink(model, groups)(*inputs), model(*inputs), atol=1e-12)
    set_(model, "rnn.bias_hh_l0", row, 0.1)
    assert removable(model, groups) == [[]]


def test_opposite_biases_cancel_in_an_lstm_but_not_in_a_gru() -> None:
    for cell, expected in (("lstm", [[4]]), ("gru", [[]])):
        model, inputs = example(arch.Sequence2Label(cell, "sequence"), X)
        groups = issrnn.find_groups(model, inputs)
        row = 2 * 6 + 4
        for name in ("weight_ih_l0", "weight_hh_l0"):
            set_(model, f"rnn.{name}", row, 0.0)
        set_(model, "rnn.bias_ih_l0", row, 0.25)
        set_(model, "rnn.bias_hh_l0", row, -0.25)
        assert removable(model, groups) == expected


def test_a_unit_read_only_by_units_that_do_not_matter_goes_with_them() -> None:
    model, inputs = example(arch.Sequence2Label("gru", "sequence", bias=False), X)
    groups = issrnn.find_groups(model, inputs)
    set_(model, "fc.weight", (slice(None), [1, 3]), 0.0)
    for row in range(18):
        if row % 6 not in {1, 3}:
            set_(model, "rnn.weight_hh_l0", (row, [1, 3]), 0.0)
    # Units 1 and 3 read each other and themselves, and no one else does.
    assert removable(model, groups) == [[1, 3]]


def test_through_a_function_that_is_not_zero_at_zero_only_the_readers_decide() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.fc = nn.LSTM(5, 6), nn.Linear(6, 3)

        def forward(self, x: Tensor) -> Any:
            return self.fc(torch.sigmoid(self.rnn(x)[0]))

    model, inputs = example(Gated(), X)
    groups = issrnn.find_groups(model, inputs)
    groups[0].zero_([3])
    set_(model, "fc.weight", (0, 3), 1.0)
    for name in ("bias_ih_l0", "bias_hh_l0"):
        set_(model, f"rnn.{name}", [3, 9, 15, 21], 0.0)
    assert removable(model, groups) == [[]]
    set_(model, "fc.weight", (0, 3), 0.0)
    assert removable(model, groups) == [[3]]


def test_an_attention_product_needs_one_side_that_is_zero() -> None:
    model, inputs = example(arch.LuongDecoder("gru"), *PAIR)
    groups = issrnn.find_groups(model, inputs)
    groups[0].zero_([2])
    assert removable(model, groups) == [[2]]
    # The decoder's unit may live as long as no weight reads it: the product with zero is zero.
    set_(model, "decoder.bias_ih_l0", 14, 1.0)
    assert removable(model, groups) == [[2]]
    # But not the encoder's, which also starts the decoder's.
    set_(model, "encoder.bias_ih_l0", 14, 1.0)
    assert removable(model, groups) == [[]]


def test_every_layer_keeps_one_unit() -> None:
    model, inputs = example(arch.Sequence2Label("lstm", "sequence", num_layers=2), X)
    groups = issrnn.find_groups(model, inputs)
    for group in groups:
        group.zero_(range(6))
    small = issrnn.shrink(model, groups)
    assert list(issrnn.count(small, inputs).sizes.values()) == [1, 1]
    with torch.no_grad():
        assert torch.allclose(small(*inputs), model(*inputs), atol=1e-12)
    again = issrnn.find_groups(small, inputs)
    reasons = {refusal.reason for refusal in again.refused}
    assert reasons <= {"it is the layer's only unit, and one is always kept"}


def test_a_norm_of_lowest_values_needs_every_unit() -> None:
    class Lowest(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(5, 6)

        def forward(self, x: Tensor) -> Tensor:
            lowest: Tensor = torch.linalg.vector_norm(self.rnn(x)[0], ord=-1, dim=-1)
            return lowest

    assert not issrnn.find_groups(Lowest(), X.float())


def test_a_state_from_outside_may_not_be_zero() -> None:
    model = arch.TiedLanguageModel()
    model.decoder.weight = nn.Parameter(torch.randn(11, 6))
    model, inputs = example(model, torch.arange(8).view(4, 2))
    groups = issrnn.find_groups(model, inputs)
    state = tuple(torch.zeros(1, 2, 6, dtype=torch.float64) for _ in range(2))
    given = issrnn.find_groups(model, (*inputs, state))
    for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
        set_(model, f"rnn.{name}", [4, 10, 16, 22], 0.0)
    assert removable(model, groups) == [[4]]
    assert removable(model, given) == [[]]


@pytest.mark.parametrize(
    ("model", "inputs", "reader", "places"),
    [
        (arch.LiteralView(), (X,), "fc.weight", 6),
        (arch.SumOfDirections("slice"), (X,), "fc.weight", 6),
        (arch.FixedStart("gru"), (X,), "fc.weight", 4),
        (arch.Sequence2Label("gru", "last_state", num_layers=2), (X,), "fc.weight", 5),
        (arch.Sequence2Label("gru", "all_states", bidirectional=True), (X,), "fc.weight", 10),
        (arch.TwoStreams(), (X[..., :4], X[..., :3]), "top.weight_ih_l0", 9),
    ],
)
def test_receivers_get_smaller_where_positions_are_not_written_down(
    model: nn.Module, inputs: tuple[Tensor, ...], reader: str, places: int
) -> None:
    model, inputs = example(model, *inputs)
    groups = issrnn.find_groups(model, inputs)
    for number, group in enumerate(groups):
        group.zero_(range(1 + number % 2))
    if isinstance(model, arch.FixedStart):
        groups[0].zero_([0, 1])
    small = issrnn.shrink(model, groups)
    assert small.get_parameter(reader).shape[1] == places
    sizes = issrnn.count(small, inputs).sizes
    assert sizes != issrnn.count(model, inputs).sizes
    with torch.no_grad():
        assert torch.allclose(result(small, inputs), result(model, inputs), atol=1e-10)
