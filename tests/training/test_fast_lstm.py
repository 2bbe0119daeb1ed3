"""The fast layer is nn.LSTM in everything but speed."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from training.fast_dropout import FastDropout
from training.fast_lstm import FastLSTM


def outputs_and_gradients(layer: nn.LSTM, x: Tensor, h: Tensor, c: Tensor) -> list[Tensor]:
    output, (h_n, c_n) = layer(x, (h, c))
    slope = torch.linspace(0.5, 1.5, output.numel(), dtype=x.dtype).view_as(output)
    loss = (output * slope).sum() + h_n.square().sum() + c_n.sin().sum()
    return [output, h_n, c_n, *torch.autograd.grad(loss, [x, h, c, *layer.parameters()])]


def twin_layers(inputs: int, hidden: int, dtype: torch.dtype) -> tuple[nn.LSTM, FastLSTM]:
    torch.manual_seed(inputs * 100 + hidden)
    reference, fast = nn.LSTM(inputs, hidden).to(dtype), FastLSTM(inputs, hidden).to(dtype)
    fast.load_state_dict(reference.state_dict())
    return reference, fast


@settings(max_examples=20)
@given(
    steps=st.integers(1, 6),
    batch=st.integers(1, 4),
    inputs=st.integers(1, 9),
    hidden=st.integers(1, 9),
)
def test_outputs_and_gradients_match_torch(
    steps: int, batch: int, inputs: int, hidden: int
) -> None:
    reference, fast = twin_layers(inputs, hidden, torch.float64)
    x = torch.randn(steps, batch, inputs, dtype=torch.float64, requires_grad=True)
    h, c = torch.randn(2, 1, batch, hidden, dtype=torch.float64, requires_grad=True).unbind()
    expected = outputs_and_gradients(reference, x, h, c)
    for ours, theirs in zip(outputs_and_gradients(fast, x, h, c), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_the_state_is_zero_when_none_is_given() -> None:
    reference, fast = twin_layers(5, 4, torch.float32)
    x = torch.randn(7, 2, 5)
    torch.testing.assert_close(fast(x)[0], reference(x)[0])


def test_dropped_weights_are_away_at_every_step_of_a_sequence_and_get_no_gradient() -> None:
    reference, _ = twin_layers(5, 4, torch.float64)
    dropping = FastLSTM(5, 4, weight_drop=0.5).double()
    dropping.load_state_dict(reference.state_dict())
    x = torch.randn(7, 2, 5, dtype=torch.float64, requires_grad=True)
    h, c = torch.randn(2, 1, 2, 4, dtype=torch.float64, requires_grad=True).unbind()

    torch.manual_seed(1)
    weights = reference.get_parameter("weight_hh_l0")
    with torch.no_grad():
        weights.copy_(FastDropout(0.5)(weights))
    dropped = weights.eq(0)
    assert 0 < dropped.sum() < dropped.numel()

    torch.manual_seed(1)
    ours = outputs_and_gradients(dropping, x, h, c)
    theirs = outputs_and_gradients(reference, x, h, c)
    weight_hh = 6 + [name for name, _ in dropping.named_parameters()].index("weight_hh_l0")
    theirs[weight_hh] = theirs[weight_hh].masked_fill(dropped, 0.0) * 2  # what is kept counts twice
    for our, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(our, their)


def test_nothing_is_dropped_in_evaluation() -> None:
    reference, _ = twin_layers(5, 4, torch.float32)
    dropping = FastLSTM(5, 4, weight_drop=0.5).eval()
    dropping.load_state_dict(reference.state_dict())
    x = torch.randn(7, 2, 5)
    torch.testing.assert_close(dropping(x)[0], reference(x)[0])


@pytest.mark.parametrize(("inputs", "hidden", "batch"), [(32, 24, 4), (7, 9, 1), (13, 531, 3)])
def test_bf16_products_stay_near_fp32_results(inputs: int, hidden: int, batch: int) -> None:
    reference, fast = twin_layers(inputs, hidden, torch.float32)
    fast.precision = "bf16"
    x = torch.randn(10, batch, inputs, requires_grad=True)
    h = c = torch.zeros(1, batch, hidden, requires_grad=True)
    expected = outputs_and_gradients(reference, x, h, c)
    for ours, theirs in zip(outputs_and_gradients(fast, x, h, c), expected, strict=True):
        assert ours.dtype == torch.float32
        assert (ours - theirs).norm() <= 0.02 * theirs.norm()


def test_in_evaluation_mode_it_is_the_ordinary_layer() -> None:
    reference, fast = twin_layers(32, 24, torch.float32)
    fast.precision = "bf16"
    x = torch.randn(10, 4, 32)
    expected, (h, c) = reference(x)
    output, state = fast.eval()(x)
    for ours, theirs in zip((output, *state), (expected, h, c), strict=True):
        assert torch.equal(ours, theirs)
