"""The fast highway layer computes what the plain one does."""

import copy

import pytest
import torch
from torch import Tensor

from issrnn.networks import HighwayLayer
from training.fast_highway import FastHighwayLayer


def both(
    precision: str = "fp32", dtype: torch.dtype = torch.float64
) -> tuple[HighwayLayer, FastHighwayLayer]:
    torch.manual_seed(0)
    fast = FastHighwayLayer(5, 6, 3, "bf16" if precision == "bf16" else "fp32").to(dtype)
    plain = HighwayLayer(5, 6, 3).to(dtype)
    plain.load_state_dict(fast.state_dict())
    return plain, fast


def gradients(layer: HighwayLayer, *, masked: bool, dtype: torch.dtype) -> list[Tensor]:
    """Outputs, final state, and gradients of a loss that weighs all of them differently."""
    layer = copy.deepcopy(layer)
    generator = torch.Generator().manual_seed(1)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(dtype)

    inputs, state = draw(4, 2, 5).requires_grad_(), draw(2, 6).requires_grad_()
    mask = (draw(2, 6) > 0) * 2.0 if masked else None
    mask = mask.to(dtype) if mask is not None else None
    outputs, final = layer(inputs, state, mask)
    loss = (outputs * draw(4, 2, 6)).sum() + (final * draw(2, 6)).sum()
    torch.autograd.backward(loss)
    found = [
        outputs.detach(),
        final.detach(),
        inputs.grad,
        state.grad,
        *(p.grad for p in layer.parameters()),
    ]
    assert all(tensor is not None for tensor in found)
    return [tensor for tensor in found if tensor is not None]


@pytest.mark.parametrize("masked", [False, True])
def test_outputs_and_gradients_are_those_of_the_plain_layer(masked: bool) -> None:
    plain, fast = both()
    expected = gradients(plain, masked=masked, dtype=torch.float64)
    for ours, theirs in zip(
        gradients(fast, masked=masked, dtype=torch.float64), expected, strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_bf16_products_are_close() -> None:
    plain, fast = both("bf16", torch.float32)
    expected = gradients(plain, masked=True, dtype=torch.float32)
    for ours, theirs in zip(
        gradients(fast, masked=True, dtype=torch.float32), expected, strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=0.05, atol=0.05 * float(theirs.abs().max()))


def test_it_runs_without_gradients() -> None:
    plain, fast = both()
    inputs, state = torch.randn(4, 2, 5).double(), torch.zeros(2, 6).double()
    with torch.no_grad():
        torch.testing.assert_close(fast(inputs, state), plain(inputs, state))


def test_in_evaluation_mode_it_is_the_ordinary_layer() -> None:
    plain, fast = both("bf16", torch.float32)
    inputs, state = torch.randn(4, 2, 5), torch.zeros(2, 6)
    assert torch.equal(fast.eval()(inputs, state)[0], plain(inputs, state)[0])
