"""Code that users write around a recurrent layer, and the units that can be removed beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import issrnn
from issrnn.surgery import source_of

UNITS = 8
Code = Callable[[Any, Tensor], Any]
X = torch.randn(3, 6, 5, generator=torch.Generator().manual_seed(0)).double()


class Around(nn.Module):
    """An LSTM without biases, (batch, time, units), and any code around it."""

    def __init__(self, code: Code, width: int = UNITS) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.rnn = nn.LSTM(5, UNITS, batch_first=True, bias=False)
        self.fc = nn.Linear(width, 3)
        self.code = code
        self.double()

    def forward(self, x: Tensor) -> Any:
        return self.code(self, x)


@torch.no_grad()
def unmake(model: Around) -> None:
    """The first three units are zero at every step, whatever reads them."""
    for name in ("weight_ih_l0", "weight_hh_l0"):
        model.rnn.get_parameter(name).view(4, UNITS, -1)[:, :3] = 0.0


def in_a_growing_tensor(m: Any, x: Tensor) -> Any:
    steps, out = torch.tensor([], dtype=x.dtype), m.rnn(x)[0]
    for step in range(x.shape[1]):
        steps = torch.cat([steps, out[:, step]])
    return m.fc(steps)


def summed_in_place(m: Any, x: Tensor) -> Any:
    out = m.rnn(x)[0]
    total = torch.zeros(len(x), out.size(2), dtype=x.dtype)
    for step in range(x.shape[1]):
        total += out[:, step]
    return m.fc(total)


def with_statistics(m: Any, x: Tensor) -> Any:
    deviation, mean = torch.std_mean(m.rnn(x)[0], dim=1)
    return m.fc(deviation + mean)


def in_windows(m: Any, x: Tensor) -> Any:
    return m.fc(m.rnn(x)[0].unfold(1, 3, 1).mean(-1))


def interpolated(mode: str) -> Code:
    def code(m: Any, x: Tensor) -> Any:
        wide = F.interpolate(m.rnn(x)[0].transpose(1, 2), scale_factor=2, mode=mode)
        return m.fc(wide.transpose(1, 2))

    return code


def padded_with_ones(m: Any, x: Tensor) -> Any:
    return m.fc(F.pad(m.rnn(x)[0], (0, 0, 0, 2), value=1.0))


def unpacked_with_ones(m: Any, x: Tensor) -> Any:
    packed = pack_padded_sequence(x, torch.tensor([6, 4, 2]), batch_first=True)
    return m.fc(pad_packed_sequence(m.rnn(packed)[0], batch_first=True, padding_value=1.0)[0])


def with_a_mask_added(m: Any, x: Tensor) -> Any:
    return m.fc(m.rnn(x)[0] + torch.ones(6, 1, dtype=torch.bool))


def attended(activate: Callable[[Tensor], Tensor]) -> Code:
    """Products of units with units: those that are zero at every step can go."""

    def code(m: Any, x: Tensor) -> Any:
        out = activate(m.rnn(x)[0])
        return (out[:, :1] * out).sum(-1)

    return code


def from_zeroed_memory(m: Any, x: Tensor) -> Any:
    start = x.new(1, len(x), m.rnn.hidden_size).zero_()
    out = m.rnn(x, (start, start))[0]
    return (out[:, :1] * out).sum(-1)


CODES: dict[str, Code] = {
    "a growing tensor": in_a_growing_tensor,
    "a sum in place": summed_in_place,
    "statistics": with_statistics,
    "windows": in_windows,
    "nearest": interpolated("nearest"),
    "linear": interpolated("linear"),
    "padded with ones": padded_with_ones,
    "unpacked with ones": unpacked_with_ones,
    "a mask added": with_a_mask_added,
}
OF_ZERO_UNITS: dict[str, Code] = {
    "as it is": attended(lambda out: out),
    "relu6": attended(F.relu6),
    "clamp": attended(lambda out: out.clamp(min=0)),
    "clamp between": attended(lambda out: out.clamp(-0.5, 0.5)),
    "zeroed memory": from_zeroed_memory,
}


@pytest.mark.parametrize("name", CODES)
def test_units_that_nothing_reads_are_removed_with_their_places(name: str) -> None:
    model = Around(CODES[name])
    groups = issrnn.find_groups(model, (X,))
    (group,) = groups
    assert not groups.refused
    assert not any(mask.any() for mask in source_of(groups).fixed)
    assert not issrnn.removable_components(model, groups)[0].any()
    group.zero_([0, 3])
    small: Any = issrnn.shrink(model, groups)
    assert small.rnn.hidden_size == small.fc.in_features == UNITS - 2
    torch.testing.assert_close(small(X), model(X), rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", CODES)
def test_units_that_are_zero_at_every_step_go_only_where_their_readers_see_zeros(
    name: str,
) -> None:
    model = Around(CODES[name])
    groups = issrnn.find_groups(model, (X,))
    unmake(model)
    small = issrnn.shrink(model, groups)
    torch.testing.assert_close(small(X), model(X), rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", OF_ZERO_UNITS)
def test_zero_units_are_removed_from_products_of_units(name: str) -> None:
    model = Around(OF_ZERO_UNITS[name])
    groups = issrnn.find_groups(model, (X,))
    unmake(model)
    small = issrnn.shrink(model, groups)
    assert [group.size for group in issrnn.find_groups(small, (X,))] == [UNITS - 3]
    torch.testing.assert_close(small(X), model(X), rtol=0, atol=1e-10)


def test_a_clamp_above_zero_makes_something_of_zeros() -> None:
    model = Around(attended(lambda out: out.clamp(min=0.1)))
    groups = issrnn.find_groups(model, (X,))
    unmake(model)
    assert not issrnn.removable_components(model, groups)[0].any()


def test_units_added_to_a_part_of_another_tensor_are_refused() -> None:
    def code(m: Any, x: Tensor) -> Any:
        steps, out = torch.zeros(len(x), x.shape[1], UNITS, dtype=x.dtype), m.rnn(x)[0]
        for step in range(x.shape[1]):
            steps[:, step] += out[:, step]
        return m.fc(steps)

    (refusal,) = issrnn.find_groups(Around(code), (X,)).refused
    assert "in place" in refusal.reason or "written into" in refusal.reason


def test_groups_are_found_where_autocast_has_cast_the_weights_before() -> None:
    model = Around(lambda m, x: m.fc(m.rnn(x)[0])).float()
    found = issrnn.find_groups(model, (X.float(),))
    with torch.autocast("cpu", torch.bfloat16):
        model(X.float())
        groups = issrnn.find_groups(model, (X.float(),))
    assert str(groups) == str(found)
    assert not groups.refused


def test_units_that_keep_their_places_are_told() -> None:
    groups = issrnn.find_groups(Around(lambda m, x: m.fc(m.rnn(x)[0][..., [*range(8)]])), (X,))
    assert "  8 keep their places outside the layer" in str(groups)
