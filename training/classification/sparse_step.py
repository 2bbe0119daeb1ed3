"""A training step that holds and computes only the weights that exist, with torch's sparse kernels.

The alternative to masks over dense weights, to be measured against them (`benchmark`): parameters,
gradients and the optimiser's state are as long as there are weights. Products with the weights of a
layer are products with a CSR matrix; their gradients are computed where a weight exists (a sampled
product of dense matrices); of the embedding the rows of the words of a batch are put together.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from issrnn.networks import Classifier
from issrnn.networks.classifier import pool

__all__ = ["CSRMatrix", "SparseClassifier"]


@dataclass(eq=False)
class CSRMatrix:
    """The n weights of an (R, C) matrix, row by row; only ``values`` changes."""

    values: nn.Parameter
    """(n,)."""
    starts: Tensor
    """(R + 1,) int64: row r has the weights from ``starts[r]`` to ``starts[r + 1]``."""
    columns: Tensor
    """(n,) int64."""
    shape: tuple[int, int]
    by_column: Tensor
    """(n,) int64: the order of the weights column by column."""
    transposed_starts: Tensor
    """(C + 1,) int64: ``starts`` of the transpose."""
    transposed_columns: Tensor
    """(n,) int64: ``columns`` of the transpose."""

    @classmethod
    def of(cls, weight: Tensor, mask: Tensor) -> CSRMatrix:
        """From a dense matrix and where its weights exist, (R, C) bool."""
        rows, columns = mask.nonzero(as_tuple=True)
        by_column = torch.argsort(columns, stable=True)
        return cls(
            values=nn.Parameter(weight.detach()[mask].clone()),
            starts=_starts(rows, mask.shape[0]),
            columns=columns,
            shape=(mask.shape[0], mask.shape[1]),
            by_column=by_column,
            transposed_starts=_starts(columns[by_column], mask.shape[1]),
            transposed_columns=rows[by_column],
        )

    @property
    def place_bytes(self) -> int:
        """What knowing the places takes."""
        both_ways = self.starts, self.columns, self.transposed_starts, self.transposed_columns
        return sum(part.numel() * part.element_size() for part in (*both_ways, self.by_column))

    def csr(self) -> Tensor:
        """As torch's sparse matrix, (R, C)."""
        return _csr(self.starts, self.columns, self.values.detach(), self.shape)

    def csr_transposed(self) -> Tensor:
        """Its transpose, (C, R)."""
        values = self.values.detach()[self.by_column]
        return _csr(
            self.transposed_starts, self.transposed_columns, values, (self.shape[1], self.shape[0])
        )

    def sampled(self, left: Tensor, right: Tensor) -> Tensor:
        """``left @ right`` where a weight exists, (n,); (R, K) and (K, C)."""
        zeros = _csr(self.starts, self.columns, torch.zeros_like(self.values), self.shape)
        products: Tensor = torch.sparse.sampled_addmm(zeros, left, right)
        return products.values()

    def rows(self, chosen: Tensor) -> Tensor:
        """Some rows with all their places, (k, C); differentiable.

        Args:
            chosen: (k,) int64, each row at most once.
        """
        counts = self.starts[chosen + 1] - self.starts[chosen]
        row = torch.repeat_interleave(torch.arange(len(chosen)), counts)
        within = torch.arange(len(row)) - torch.repeat_interleave(counts.cumsum(0) - counts, counts)
        place = self.starts[chosen][row] + within
        zeros = self.values.new_zeros(len(chosen), self.shape[1])
        return zeros.index_put((row, self.columns[place]), self.values[place])


class SparseClassifier(nn.Module):
    """A `Classifier` of one layer whose embedding and LSTM are sparse; fp32, on a CPU."""

    def __init__(self, model: Classifier, masks: dict[str, Tensor]) -> None:
        """Take the weights of a model.

        Args:
            model: With one layer; its linear layer and drop-out are shared.
            masks: Of its sparse matrices, as `SparseEvolution.masks`.
        """
        super().__init__()
        self.pooling = model.pooling
        self.matrices = {
            name: CSRMatrix.of(model.get_parameter(name), mask) for name, mask in masks.items()
        }
        self.values = nn.ParameterList(matrix.values for matrix in self.matrices.values())
        biases = [model.get_parameter(f"layers.0.bias_{kind}_l0").detach() for kind in ("ih", "hh")]
        self.bias = nn.Parameter(biases[0] + biases[1])
        self.output, self.dropout = model.output, model.dropout

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Logits (B, L) of B texts, as `Classifier.forward`."""
        words, places = torch.unique(tokens, return_inverse=True)
        vectors = self.dropout(self.matrices["embedding.weight"].rows(words)[places])  # (T, B, E)
        input_weights, recurrent_weights = (
            self.matrices[f"layers.0.weight_{kind}_l0"] for kind in ("ih", "hh")
        )
        states = _SparseLSTM.apply(  # type: ignore[no-untyped-call]  # torch's apply is untyped
            vectors,
            input_weights.values,
            recurrent_weights.values,
            self.bias,
            input_weights,
            recurrent_weights,
        )
        logits: Tensor = self.output(self.dropout(pool(states, lengths, self.pooling)))
        return logits


class _SparseLSTM(torch.autograd.Function):
    """All steps of one layer; gates in torch's order i, f, g, o. States are (H, B) inside."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,  # (T, B, I)
        input_values: Tensor,
        recurrent_values: Tensor,
        bias: Tensor,  # (4H,)
        input_weights: CSRMatrix,  # (4H, I)
        recurrent_weights: CSRMatrix,  # (4H, H)
    ) -> Tensor:
        del input_values, recurrent_values  # autograd's handles on the matrices' values
        steps, batch, _ = inputs.shape
        hidden = recurrent_weights.shape[1]
        columns = inputs.flatten(0, 1).t().contiguous()  # (I, T * B)
        products = (input_weights.csr() @ columns).add_(bias.unsqueeze(1))
        gates = products.view(4 * hidden, steps, batch).transpose(0, 1).contiguous()
        states, cells = (inputs.new_zeros(steps + 1, hidden, batch) for _ in range(2))
        squashed = inputs.new_empty(steps, hidden, batch)
        weights = recurrent_weights.csr()
        for t in range(steps):
            i, f, g, o = gates[t].add_(weights @ states[t]).chunk(4)
            for gate in (i, f, o):
                gate.sigmoid_()
            torch.addcmul(f * cells[t], i, g.tanh_(), out=cells[t + 1])
            torch.mul(o, torch.tanh(cells[t + 1], out=squashed[t]), out=states[t + 1])
        ctx.save_for_backward(columns, gates, states, cells, squashed)
        ctx.weights = input_weights, recurrent_weights
        return states[1:].transpose(1, 2)  # (T, B, H)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        columns, gates, states, cells, squashed = ctx.saved_tensors
        input_weights, recurrent_weights = ctx.weights
        steps, hidden, batch = squashed.shape
        by_state = gradient.transpose(1, 2)  # (T, H, B)
        deltas = torch.empty_like(gates)
        dh, dc = (torch.zeros_like(squashed[0]) for _ in range(2))
        weights = recurrent_weights.csr_transposed()
        for t in reversed(range(steps)):
            i, f, g, o = gates[t].chunk(4)
            dh = dh + by_state[t]
            dc = dc + dh * o * (1 - squashed[t].square())
            di, df, dg, do = deltas[t].chunk(4)
            torch.mul(dc * g, i - i.square(), out=di)
            torch.mul(dc * cells[t], f - f.square(), out=df)
            torch.mul(dc * i, 1 - g.square(), out=dg)
            torch.mul(dh * squashed[t], o - o.square(), out=do)
            dc = dc * f
            dh = weights @ deltas[t]
        flat = deltas.transpose(0, 1).reshape(4 * hidden, steps * batch)
        before = states[:-1].transpose(1, 2).reshape(steps * batch, hidden)
        grad_inputs = (input_weights.csr_transposed() @ flat).t().reshape(steps, batch, -1)
        return (
            grad_inputs,
            input_weights.sampled(flat, columns.t().contiguous()),
            recurrent_weights.sampled(flat, before),
            flat.sum(1),
            None,
            None,
        )


def _starts(rows: Tensor, count: int) -> Tensor:
    """Where each row begins among weights that are sorted by row, and the end."""
    return torch.bincount(rows + 1, minlength=count + 1).cumsum(0)


def _csr(starts: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(starts, columns, values, shape, check_invariants=False)
