"""Counts equal what can be worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

import issrnn
from issrnn.architecture import RecurrentLanguageModel
from issrnn.networks import LanguageModel
from tests.issrnn import architectures as arch


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_a_language_model_costs_what_its_architecture_says(cell: Any) -> None:
    architecture = RecurrentLanguageModel(
        cell=cell, vocabulary_size=11, embedding_size=5, hidden_sizes=(6, 7)
    )
    counted = issrnn.count(LanguageModel(architecture), torch.zeros(4, 3, dtype=torch.int64))
    assert counted.positions == 12
    assert counted.multiply_adds_per_position == architecture.multiply_adds_per_token()
    assert counted.sizes == {"layers.0": 6, "layers.1": 7}
    sizes = [torch.Size(shape).numel() for shape in architecture.shapes().values()]
    assert counted.parameters == sum(sizes)
    assert counted.bytes == 4 * counted.parameters


def test_attention_products_and_convolutions_count() -> None:
    model = arch.LuongDecoder("gru")  # 5 source and 4 target steps, 3 sequences
    counted = issrnn.count(model, (torch.randn(5, 3, 4), torch.randn(4, 3, 4)))
    recurrent = 3 * (5 + 4) * 3 * 6 * (4 + 6)
    attention = 2 * 3 * 4 * 5 * 6
    linear = 3 * 4 * (12 * 7 + 7 * 3)
    assert counted.multiply_adds == recurrent + attention + linear
    counted = issrnn.count(arch.Convolved(), torch.randn(3, 4, 5))
    assert counted.multiply_adds == 12 * 4 * 6 * (5 + 6) + 3 * 3 * 2 * 6 * 4 + 3 * 4 * 3


def test_torchs_own_attention_and_products_with_a_vector_count() -> None:
    class Attended(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.vector = nn.LSTM(5, 8, batch_first=True), nn.Parameter(torch.randn(8))
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x: Any) -> Any:
            out = self.rnn(x)[0]
            return self.attention(out, out, out, need_weights=False)[0] @ self.vector

    counted = issrnn.count(Attended(), torch.randn(3, 6, 5))
    recurrent = 18 * 4 * 8 * (5 + 8)
    projections, attention = 18 * 4 * 8 * 8, 2 * 3 * 6 * 6 * 8
    assert counted.multiply_adds == recurrent + projections + attention + 18 * 8


def test_packed_steps_are_real_steps_and_shared_weights_count_once() -> None:
    class Packed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(5, 6, bidirectional=True)

        def forward(self, sequence: Any) -> Any:
            return self.rnn(sequence)[0].data.sum()

    packed = pack_sequence([torch.randn(4, 5), torch.randn(1, 5)])
    counted = issrnn.count(Packed(), packed)
    assert counted.positions == 5
    assert counted.multiply_adds == 5 * 2 * 18 * (5 + 6)
    assert counted.sizes == {"rnn.l0": 6, "rnn.l0_reverse": 6}
    tied = arch.TiedLanguageModel()
    assert issrnn.count(tied, torch.zeros(2, 1, dtype=torch.int64)).parameters == (
        66 + 11 + 2 * 24 * 6 + 48
    )


@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_a_projection_counts_too() -> None:
    counted = issrnn.count(nn.LSTM(5, 6, proj_size=4), torch.randn(2, 3, 5))
    assert counted.multiply_adds_per_position == 24 * (5 + 4) + 4 * 6


def test_before_and_after_print_as_a_table() -> None:
    model = arch.Sequence2Label("lstm", "sequence", num_layers=2)
    x = torch.randn(4, 3, 5)
    groups = issrnn.find_groups(model, x)
    groups[0].zero_([0, 1, 2])
    compared = issrnn.compare(model, issrnn.shrink(model, groups), x)
    lines = str(compared).splitlines()
    assert lines[0].split() == ["before", "after", "ratio"]
    assert lines[1].split() == ["units", "of", "rnn.l0", "6", "3", "2.00x"]
    assert compared.after.multiply_adds_per_position == 4 * 3 * 8 + 4 * 6 * 9 + 18
    assert compared.speedup_in_multiply_adds > 1
    assert "multiply-adds a position" in str(compared.after)


def test_a_model_without_recurrence_needs_its_positions() -> None:
    with pytest.raises(ValueError, match="give the number of positions"):
        issrnn.count(nn.Linear(2, 3), torch.randn(4, 2))
    counted = issrnn.count(nn.Linear(2, 3), torch.randn(4, 2), positions=4)
    assert counted.multiply_adds_per_position == 6
    compared = issrnn.compare(nn.Linear(2, 3), nn.Linear(2, 1), torch.randn(4, 2), positions=4)
    assert compared.after.multiply_adds_per_position == 2


def test_arguments_by_name_are_counted_too() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(5, 6)

        def forward(self, x: Any) -> Any:
            return self.rnn(hx=None, input=x)[0]

    assert issrnn.count(Named(), torch.randn(4, 3, 5)).positions == 12
