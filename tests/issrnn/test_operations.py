"""Whatever lies between a unit and its readers: shrunk equals sparse, and nothing alive goes."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

import issrnn
from tests.issrnn.shrinking import example, shrink_and_compare

B, T, INPUTS, H = 3, 5, 4, 6
X = torch.randn(B, T, INPUTS, generator=torch.Generator().manual_seed(1))
LENGTHS = torch.tensor([5, 3, 2])


class Reader(nn.Module):
    """An LSTM (``m.rnn``) whose output and state go through any function."""

    def __init__(self, read: Callable[[Any, Any], Any], width: int = H, **modules: Any) -> None:
        super().__init__()
        self.rnn = nn.LSTM(INPUTS, H, batch_first=True)
        self.fc = nn.Linear(width, 2)
        for name, module in modules.items():
            setattr(self, name, module)
        self.read = read

    def forward(self, x: Any) -> Any:
        return self.read(self, x)


def out(m: Any, x: Any) -> Any:
    """The output sequence, (B, T, H)."""
    return m.rnn(x)[0]


def mask(o: Any) -> Any:
    return (torch.arange(o.shape[1]) < LENGTHS.unsqueeze(1)).unsqueeze(-1)


def highway(m: Any, x: Any) -> Any:
    o = out(m, x)
    gate = torch.sigmoid(m.gate(o))
    return m.fc(gate * torch.relu(m.other(o)) + (1 - gate) * o)


def by_gather(m: Any, x: Any) -> Any:
    o = out(m, x)
    return m.fc(o.gather(1, (LENGTHS - 1).view(-1, 1, 1).expand(-1, 1, o.shape[2])).squeeze(1))


def step_by_step(m: Any, x: Any) -> Any:
    o = out(m, x)
    copied = torch.zeros_like(o)
    for step in range(o.shape[1]):
        copied[:, step] = o[:, step]
    return m.fc(copied)


def into_a_buffer_of_results(m: Any, x: Any) -> Any:
    o = out(m, x)
    results = torch.zeros(*o.shape[:2], 2, dtype=o.dtype)
    for step in range(o.shape[1]):
        results[:, step] = m.fc(o[:, step])
    return results


def written_through_a_view(m: Any, x: Any) -> Any:
    o = out(m, x)
    o[:, 0] += 1
    return m.fc(o)


def weights_over_fixed_steps(m: Any, x: Any) -> Any:
    o = out(m, x)
    weights = m.score(o[:, -1]).softmax(-1).unsqueeze(1)  # a row of weights for each step
    return m.fc(torch.bmm(weights, o))


def learned_queries(m: Any, x: Any) -> Any:
    o = out(m, x)
    weights = torch.einsum("bth,kh->bkt", o, m.queries).softmax(-1)
    return m.fc(torch.einsum("bkt,bth->bkh", weights, o).flatten(1))


def own_gates(m: Any, x: Any) -> Any:
    o = out(m, x)
    a, b, c, d = m.gates(o).chunk(4, -1)
    return m.fc(torch.sigmoid(a) * torch.tanh(b) + o * c + d)


def two_heads(m: Any, x: Any) -> Any:
    q = out(m, x).view(B, T, 2, H // 2).transpose(1, 2)
    mixed = (q @ q.transpose(2, 3)).softmax(-1) @ q
    return m.fc(mixed.transpose(1, 2).reshape(B, T, H))


def parts_of_a_weight(m: Any, x: Any) -> Any:
    o = out(m, x)
    return functional.linear(o, m.w[:, :H]) + functional.linear(o * o, m.w[:, H:])


def compared(m: Any, x: Any) -> Any:
    a, b = out(m, x)[:, -1], out(m, x.flip(1))[:, -1]
    return m.fc(torch.cat([a, b, (a - b).abs(), a * b], -1))


def scaled(m: Any, x: Any) -> Any:
    o = out(m, x)
    return m.fc((o @ o.transpose(1, 2) / math.sqrt(o.shape[-1])).softmax(-1) @ o)


def parameter(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(*shape))


OPERATIONS: dict[str, Reader] = {
    "highway": Reader(highway, gate=nn.Linear(H, H), other=nn.Linear(H, H)),
    "last step by index": Reader(lambda m, x: m.fc(out(m, x)[torch.arange(B), LENGTHS - 1])),
    "last step by gather": Reader(by_gather),
    "masked mean": Reader(lambda m, x: m.fc((out(m, x) * mask(x)).sum(1) / LENGTHS[:, None])),
    "masked maximum": Reader(lambda m, x: m.fc(out(m, x).masked_fill(~mask(x), -9.0).max(1)[0])),
    "where": Reader(lambda m, x: m.fc(torch.where(mask(x), out(m, x), 0.0))),
    "all steps at once": Reader(lambda m, x: m.fc(out(m, x).flatten(1)), T * H),
    "input beside it": Reader(lambda m, x: m.fc(torch.cat([x, out(m, x)], -1)), INPUTS + H),
    "gain and bias": Reader(
        lambda m, x: m.fc(out(m, x) * m.gain + m.shift), gain=parameter(H), shift=parameter(H)
    ),
    "shifted in time": Reader(
        lambda m, x: m.fc(out(m, x) + functional.pad(out(m, x), (0, 0, 1, 0))[:, :-1])
    ),
    "rolled in time": Reader(lambda m, x: m.fc(out(m, x) * out(m, x).roll(1, 1))),
    "units back to front": Reader(lambda m, x: m.fc(out(m, x).flip(-1) + out(m, x))),
    "units shifted": Reader(lambda m, x: m.fc(out(m, x).roll(1, -1))),
    "units reordered": Reader(lambda m, x: m.fc(out(m, x)[..., [5, 3, 1, 0, 2, 4]])),
    "step by step": Reader(step_by_step),
    "buffer of results": Reader(into_a_buffer_of_results),
    "written through a view": Reader(written_through_a_view),
    "in place": Reader(lambda m, x: m.fc(functional.relu_(out(m, x)).mul_(2.0))),
    "weights over steps": Reader(weights_over_fixed_steps, score=nn.Linear(H, T)),
    "attention pooling": Reader(
        lambda m, x: m.fc(((out(m, x) @ m.query).softmax(1).unsqueeze(-1) * out(m, x)).sum(1)),
        query=parameter(H),
    ),
    "learned queries": Reader(learned_queries, 3 * H, queries=parameter(3, H)),
    "bilinear": Reader(lambda m, x: out(m, x) @ m.w @ out(m, x).transpose(1, 2), w=parameter(H, H)),
    "own gates": Reader(own_gates, gates=nn.Linear(H, 4 * H)),
    "two heads": Reader(two_heads),
    "multi-head attention": Reader(
        lambda m, x: m.fc(m.attention(*[out(m, x)] * 3)[0]),
        attention=nn.MultiheadAttention(H, 2, batch_first=True),
    ),
    "torch's attention": Reader(
        lambda m, x: m.fc(functional.scaled_dot_product_attention(*[out(m, x)] * 3))
    ),
    "scaled attention": Reader(scaled),
    "low rank": Reader(
        lambda m, x: functional.linear(out(m, x), m.u @ m.v), u=parameter(2, 3), v=parameter(3, H)
    ),
    "parts of a weight": Reader(parts_of_a_weight, w=parameter(2, 2 * H)),
    "two texts compared": Reader(compared, 4 * H),
    "distance": Reader(lambda m, x: (out(m, x)[:, 0] - out(m, x)[:, 1]).abs().sum(1)),
    "Euclidean": Reader(lambda m, x: ((out(m, x)[:, 0] - out(m, x)[:, 1]) ** 2).sum(1).sqrt()),
    "share": Reader(lambda m, x: (out(m, x) / (1 + out(m, x)[:, :1].abs().sum(-1, True))).sum(-1)),
    "unit length": Reader(lambda m, x: m.fc(functional.normalize(out(m, x), dim=-1))),
    "cosine": Reader(lambda m, x: functional.cosine_similarity(out(m, x)[:, 0], out(m, x)[:, 1])),
    "Manhattan": Reader(lambda m, x: torch.norm(out(m, x)[:, 0] - out(m, x)[:, 1], p=1, dim=-1)),
    "a module applied twice": Reader(
        lambda m, x: m.fc(m.top(m.top(out(m, x))[0])[0]), top=nn.GRU(H, H, batch_first=True)
    ),
    "learned start": Reader(
        lambda m, x: m.fc(m.top(out(m, x), m.start.expand(-1, B, -1).contiguous())[0]),
        top=nn.GRU(H, H, 2, batch_first=True),
        start=parameter(2, 1, H),
    ),
    "a buffer": Reader(lambda m, x: m.fc(out(m, x) * torch.linspace(1, 2, H))),
    "added to the input": Reader(lambda m, x: m.fc(m.rnn(x)[0] + x.repeat(1, 1, 2)[..., :H])),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_shrunk_equals_sparse(name: str) -> None:
    shrink_and_compare(*example(OPERATIONS[name], X))


@pytest.mark.parametrize("name", OPERATIONS)
def test_whatever_weights_are_zero_nothing_alive_is_removed(name: str) -> None:
    # `shrink` itself compares the outputs and raises if they differ.
    chooser = random.Random(7)
    for _ in range(3):
        model, inputs = example(OPERATIONS[name], X)
        groups = issrnn.find_groups(model, inputs)
        for group in groups:
            for part in group.slices:
                for component in range(group.size):
                    if chooser.random() < 0.8:
                        places = part.positions[part.components == component]
                        weight = model.get_parameter(part.parameter).detach()
                        weight.index_fill_(part.axis, places[chooser.randrange(2) :], 0.0)
        issrnn.shrink(model, groups)
