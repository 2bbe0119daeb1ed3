"""Shrunk equals sparse, over cells, shapes and receivers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests.issrnn import architectures as arch
from tests.issrnn.shrinking import example, shrink_and_compare

X = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(1))
LENGTHS = torch.tensor([3, 1, 2, 3])


@settings(max_examples=60, derandomize=True)
@given(
    cell=st.sampled_from(["lstm", "gru", "rnn"]),
    layers=st.integers(1, 3),
    bidirectional=st.booleans(),
    bias=st.booleans(),
    batch_first=st.booleans(),
    receiver=st.sampled_from(
        ["sequence", "last_step", "last_state", "all_states", "max_over_time"]
    ),
    double=st.booleans(),
    seed=st.integers(0, 5),
)
def test_any_recurrent_module_and_receiver(
    cell: str,
    layers: int,
    bidirectional: bool,
    bias: bool,
    batch_first: bool,
    receiver: str,
    double: bool,
    seed: int,
) -> None:
    torch.manual_seed(seed)
    model, inputs = example(
        arch.Sequence2Label(
            cell,
            receiver,
            num_layers=layers,
            bidirectional=bidirectional,
            bias=bias,
            batch_first=batch_first,
        ),
        X,
    )
    if not double:
        model, inputs = model.float(), (X,)
    shrink_and_compare(model, inputs, seed=seed, tolerance=1e-10 if double else 1e-5)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("sort", [False, True])
def test_packed_sequences(cell: str, bidirectional: bool, sort: bool) -> None:
    model = arch.PackedTagger(cell, 2, bidirectional=bidirectional, sort=sort)
    lengths = LENGTHS if sort else LENGTHS.sort(descending=True)[0]
    shrink_and_compare(*example(model, X, lengths))


MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[torch.Tensor, ...]]] = {
    "luong-gru": (lambda: arch.LuongDecoder("gru"), (torch.randn(5, 3, 4), torch.randn(4, 3, 4))),
    "luong-lstm": (lambda: arch.LuongDecoder("lstm"), (torch.randn(5, 3, 4), torch.randn(4, 3, 4))),
    "luong-2-layers": (
        lambda: arch.LuongDecoder("gru", layers=2),
        (torch.randn(5, 3, 4), torch.randn(4, 3, 4)),
    ),
    "bahdanau": (arch.BahdanauDecoder, (torch.randn(3, 5, 4), torch.randn(3, 4, 4))),
    "residual": (arch.ResidualStack, (torch.randn(5, 3, 4),)),
    "two-streams-cat": (arch.TwoStreams, (torch.randn(2, 5, 4), torch.randn(2, 5, 3))),
    "two-streams-stack": (
        lambda: arch.TwoStreams("stack"),
        (torch.randn(2, 5, 4), torch.randn(2, 5, 3)),
    ),
    "tied": (arch.TiedLanguageModel, (torch.arange(8).view(4, 2),)),
    "slice": (lambda: arch.SumOfDirections("slice"), (X,)),
    "chunk": (lambda: arch.SumOfDirections("chunk"), (X,)),
    "view": (lambda: arch.SumOfDirections("view"), (X,)),
    "literal-view": (arch.LiteralView, (X,)),
    "convolved": (arch.Convolved, (X,)),
    "fixed-start": (arch.FixedStart, (X,)),
    "fixed-start-2": (lambda: arch.FixedStart("gru", layers=2), (X,)),
    "fixed-start-read": (lambda: arch.FixedStart("lstm", layers=2, read_state=True), (X,)),
    "lstm-cell": (lambda: arch.StepByStep("lstm"), (X,)),
    "gru-cell": (lambda: arch.StepByStep("gru"), (X,)),
    "rnn-cell-zeros": (lambda: arch.StepByStep("rnn", start="zeros"), (X,)),
    "lstm-cell-zeros": (lambda: arch.StepByStep("lstm", start="zeros"), (X,)),
}


@pytest.mark.parametrize("name", MODELS)
def test_architectures(name: str) -> None:
    make, inputs = MODELS[name]
    torch.manual_seed(3)
    shrink_and_compare(*example(make(), *inputs))
