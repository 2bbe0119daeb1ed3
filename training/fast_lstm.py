"""An LSTM layer that trains faster on a CPU than torch's own, with the same gradients.

oneDNN's LSTM backward forms weight gradients step by step. Here the input product of all steps is
one matrix product, the loop over time holds only ``h x W_hh``, and the backward pass forms each
weight gradient as one product over all steps. Products run in bf16 where asked for; states, sums
and weights stay fp32.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from training.fast_dropout import FastDropout
from training.products import prepared, transposed

__all__ = ["FastLSTM", "Precision", "fastest_precision", "run_lstm"]

Precision = Literal["fp32", "bf16"]


def fastest_precision() -> Precision:
    """``bf16`` where the processor multiplies it in hardware, ``fp32`` elsewhere."""
    capabilities = torch.cpu.get_capabilities()
    hardware = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
    return "bf16" if hardware or capabilities.get("bf16") else "fp32"


class FastLSTM(nn.LSTM):
    """``nn.LSTM`` of one layer and one direction, time first: same parameters, call and results.

    In evaluation mode it is the ordinary layer: whether a shrunk network gives the same output
    could not be told from products in bf16.

    Args:
        input_size: Size of an input vector.
        hidden_size: Number of units.
        precision: What the matrix products are computed in; ``fp32`` means the parameters' own
            type, so that float64 parameters give float64 results.
        weight_drop: Probability that a recurrent weight is dropped, at all steps of a sequence at
            once (weight-dropped LSTM: Merity et al., 2018, https://arxiv.org/abs/1708.02182).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        precision: Precision = "fp32",
        weight_drop: float = 0.0,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.precision = precision
        self.drop_weights = FastDropout(weight_drop)

    def forward(  # type: ignore[override]  # no PackedSequence
        self,
        input: Tensor,  # noqa: A002  # torch's name
        hx: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Run over a sequence.

        Args:
            input: (T, B, I).
            hx: ``(h, c)``, each (1, B, H); zeros if None.

        Returns:
            The output of every step (T, B, H), and ``(h, c)`` after the last, each (1, B, H).
        """
        if not self.training:
            return super().forward(input, hx)
        zeros = input.new_zeros(input.shape[1], self.hidden_size)
        h0, c0 = (hx[0][0], hx[1][0]) if hx is not None else (zeros, zeros)
        product_dtype = torch.bfloat16 if self.precision == "bf16" else input.dtype
        weight_hh = self.drop_weights(self.weight_hh_l0)
        output, c = run_lstm(self, input, (h0, c0), product_dtype, weight_hh=weight_hh)
        # A view would keep the outputs of all steps, in memory and in every checkpoint.
        return output, (output[-1:].clone(), c.unsqueeze(0))


def run_lstm(
    lstm: nn.LSTM,
    inputs: Tensor,
    state: tuple[Tensor, Tensor],
    product_dtype: torch.dtype,
    padding: Tensor | None = None,
    weight_hh: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Run a layer of one direction over a sequence.

    Args:
        lstm: Has the parameters.
        inputs: (T, B, I).
        state: ``(h, c)``, each (B, H).
        product_dtype: What the matrix products are computed in.
        padding: None reads from the first step to the last. (T, B, 1) bool, true at padding, reads
            from the last to the first, and leaves the state at zero over padding.
        weight_hh: Recurrent weights instead of the layer's.

    Returns:
        The output of every step (T, B, H), in the order of the inputs, and ``c`` (B, H) after the
        one that was read last.
    """
    bias_ih, bias_hh = cast("Tensor", lstm.bias_ih_l0), cast("Tensor", lstm.bias_hh_l0)
    output, c = _LSTM.apply(  # type: ignore[no-untyped-call]  # torch's apply is untyped
        inputs,
        *state,
        lstm.weight_ih_l0,
        lstm.weight_hh_l0 if weight_hh is None else weight_hh,
        bias_ih + bias_hh,
        _Way(product_dtype, padding),
    )
    return output, c


class _Way(NamedTuple):
    """How to run; see `run_lstm`."""

    product_dtype: torch.dtype
    padding: Tensor | None


_CLOSED = -1e4
"""A sum that keeps a gate shut, exactly, whatever is added to it."""


class _LSTM(torch.autograd.Function):
    """All steps of one LSTM layer; gates in torch's order i, f, g, o.

    As tanh(x) = 2 sigmoid(2x) - 1, all four gates are one sigmoid if the weights and the bias of g
    are doubled; ``gates`` holds these sigmoids. Row 0 (or the last, read backwards) of ``states``
    and ``cells`` is the state before all steps.
    """

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,  # (T, B, I)
        h0: Tensor,  # (B, H)
        c0: Tensor,  # (B, H)
        weight_ih: Tensor,  # (4H, I)
        weight_hh: Tensor,  # (4H, H)
        bias: Tensor,  # (4H,)
        way: _Way,
    ) -> tuple[Tensor, Tensor]:
        product_dtype, padding = way
        steps, batch, _ = inputs.shape
        hidden = h0.shape[1]
        low_inputs = inputs.to(product_dtype).contiguous()
        low_ih, low_hh = _g_doubled(weight_ih, product_dtype), _g_doubled(weight_hh, product_dtype)
        gates = linear(low_inputs, low_ih).to(bias.dtype).add_(_g_doubled(bias, bias.dtype))
        if padding is not None:  # shut input and forget gates leave nothing in the cell
            gates[:, :, : 2 * hidden].masked_fill_(padding, _CLOSED)
        states = low_inputs.new_empty(steps + 1, batch, hidden)
        cells = gates.new_empty(steps + 1, batch, hidden)
        squashed_cells = gates.new_empty(steps, batch, hidden)
        first = 0 if padding is None else steps
        states[first], cells[first] = h0, c0
        recurrent_product = prepared(low_hh, batch)
        for t, before, after in _order(steps, backwards=padding is not None):
            gate = gates[t].add_(recurrent_product(states[before])).sigmoid_()
            i, f, half_g, o = gate.chunk(4, dim=-1)
            c = torch.mul(f, cells[before], out=cells[after])
            c.addcmul_(i, half_g, value=2).sub_(i)
            torch.mul(o, torch.tanh(c, out=squashed_cells[t]), out=states[after])
        ctx.save_for_backward(low_inputs, low_ih, low_hh, gates, states, cells, squashed_cells)
        ctx.way, ctx.input_dtype = way, inputs.dtype
        output = gates[:, :, 3 * hidden :] * squashed_cells
        return output, (cells[-1] if padding is None else cells[0]).clone()

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor, grad_c: Tensor) -> tuple[Tensor | None, ...]:
        low_inputs, low_ih, low_hh, gates, states, cells, squashed_cells = ctx.saved_tensors
        product_dtype, padding = ctx.way
        steps, batch, hidden = squashed_cells.shape
        before = slice(None, -1) if padding is None else slice(1, None)
        i, f, half_g, o = gates.chunk(4, dim=-1)
        output_by_cell = torch.addcmul(o, o * squashed_cells, squashed_cells, value=-1)
        # Derivatives of the cell by what i, f and g are sigmoids of, and of the output by o's.
        slopes = torch.addcmul(gates, gates, gates, value=-1).view(steps, batch, 4, hidden)
        slopes[:, :, 0].mul_((2 * half_g).sub_(1))
        slopes[:, :, 1].mul_(cells[before])
        slopes[:, :, 2].mul_(2 * i)
        slopes[:, :, 3].mul_(squashed_cells)
        deltas = torch.empty(slopes.shape, dtype=product_dtype, device=gates.device)
        recurrent_product = prepared(transposed(low_hh), batch)
        dh = torch.zeros_like(grad_c)
        dc = grad_c.clone()
        for t, _, _ in _order(steps, backwards=padding is None):
            dh = grad_output[t] + dh
            dc.addcmul_(dh, output_by_cell[t])
            torch.mul(slopes[t, :, :3], dc.unsqueeze(1), out=deltas[t, :, :3])
            torch.mul(slopes[t, :, 3], dh, out=deltas[t, :, 3])
            dc.mul_(f[t])
            dh = recurrent_product(deltas[t].view(batch, 4 * hidden))
        flat = deltas.view(steps * batch, 4 * hidden)
        grad_inputs = None
        if ctx.needs_input_grad[0]:
            grad_inputs = (flat @ low_ih).to(ctx.input_dtype)
            grad_inputs = grad_inputs.view(steps, batch, -1)
        deltas[:, :, 2].mul_(2)  # by g's weights themselves
        flat_t = flat.t()
        return (
            grad_inputs,
            dh.to(gates.dtype),
            dc,
            (flat_t @ low_inputs.view(steps * batch, -1)).to(gates.dtype),
            (flat_t @ states[before].reshape(steps * batch, hidden)).to(gates.dtype),
            flat.sum(0, dtype=gates.dtype),
            None,
        )


def _g_doubled(parameter: Tensor, dtype: torch.dtype) -> Tensor:
    """A copy of a (4H, ...) parameter, its third quarter times two."""
    copy = parameter.to(dtype, copy=True)
    copy.chunk(4)[2].mul_(2)
    return copy


def _order(steps: int, *, backwards: bool) -> Iterator[tuple[int, int, int]]:
    """Each step with the rows of the state before and after it."""
    if backwards:
        return ((t, t + 1, t) for t in reversed(range(steps)))
    return ((t, t, t + 1) for t in range(steps))
