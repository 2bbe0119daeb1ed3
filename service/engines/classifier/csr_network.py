"""A classifier that holds and computes with only the weights that exist, on torch's CSR kernels.

The same network as `issrnn.networks.classifier.Classifier`. A sparse embedding's rows are put
together as they are looked up; the products of a layer's sparse matrices are products with CSR
matrices, of the input for all words at once.
"""

from __future__ import annotations

import warnings
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from issrnn.architecture import ClassifierArchitecture
from issrnn.artifact import Weights
from service.engines.base import Floats, Ids, Lengths
from service.engines.states import State

__all__ = ["CSRClassifier", "CSRLayer", "CSRMatrix"]


@dataclass(frozen=True, eq=False)
class CSRMatrix:
    """The n weights of an (R, C) matrix, row by row."""

    values: Floats
    """(n,)."""
    columns: NDArray[np.int32]
    """(n,)."""
    starts: NDArray[np.int32]
    """(R + 1,): row r has the weights from ``starts[r]`` to ``starts[r + 1]``."""
    shape: tuple[int, int]

    @classmethod
    def of(cls, dense: Floats) -> CSRMatrix:
        """From all places of a matrix."""
        rows, columns = np.nonzero(dense)
        counts = np.bincount(rows, minlength=len(dense))
        starts = np.concatenate([[0], np.cumsum(counts)])
        return cls(
            values=dense[rows, columns],
            columns=columns.astype(np.int32),
            starts=starts.astype(np.int32),
            shape=(dense.shape[0], dense.shape[1]),
        )

    @property
    def nbytes(self) -> int:
        """What values and places take."""
        return self.values.nbytes + self.columns.nbytes + self.starts.nbytes

    def rows(self, chosen: Ids) -> Floats:
        """Some rows with all their places, (k, C).

        Args:
            chosen: (k,), which may repeat.
        """
        starts = self.starts[chosen].astype(np.int64)
        counts = self.starts[chosen + 1] - starts
        row = np.repeat(np.arange(len(chosen)), counts)
        before = np.cumsum(counts) - counts  # weights of the rows before each
        place = np.arange(len(row)) + np.repeat(starts - before, counts)
        dense = np.zeros((len(chosen), self.shape[1]), dtype=np.float32)
        dense[row, self.columns[place]] = self.values[place]
        return dense

    def tensor(self) -> Tensor:
        """As torch's sparse matrix."""
        starts, columns = torch.from_numpy(self.starts), torch.from_numpy(self.columns)
        values = torch.from_numpy(self.values)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
            return torch.sparse_csr_tensor(
                starts, columns, values, self.shape, check_invariants=True
            )


class CSRLayer(nn.Module):
    """One LSTM layer; gates in torch's order i, f, g, o."""

    def __init__(self, weights: Weights, name: str, sparse: Container[str]) -> None:
        """Take the weights of a torch module.

        Args:
            weights: Of the whole network.
            name: The module's, such as ``layers.0``.
            sparse: Names of the matrices that are held as CSR.
        """
        super().__init__()

        def matrix(kind: str) -> Tensor:
            weight = weights[f"{name}.{kind}"]
            held = f"{name}.{kind}" in sparse
            return CSRMatrix.of(weight).tensor() if held else torch.tensor(weight)

        self.input_weights = matrix("weight_ih_l0")  # (4H, I)
        self.recurrent_weights = matrix("weight_hh_l0")  # (4H, H)
        biases = weights[f"{name}.bias_ih_l0"] + weights[f"{name}.bias_hh_l0"]
        self.biases = torch.from_numpy(biases)[:, None]  # (4H, 1)

    @property
    def nbytes(self) -> int:
        """Memory of the weights and their places."""
        matrices = (self.input_weights, self.recurrent_weights, self.biases)
        return sum(_nbytes(matrix) for matrix in matrices)

    def forward(self, inputs: Tensor, state: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """State h and cell c after each step, each (T, H, B).

        Args:
            inputs: (T, I, B): a product with a sparse matrix wants what it reads as columns.
            state: h before the first step, (H, B).
            cell: c likewise.
        """
        steps, size, rows = inputs.shape
        columns = inputs.transpose(0, 1).reshape(size, steps * rows)
        sums = (self.input_weights @ columns).add_(self.biases)  # (4H, T * B)
        of_steps = sums.view(-1, steps, rows).transpose(0, 1).contiguous()  # (T, 4H, B)
        states, cells = [], []
        for of_step in of_steps:
            i, f, g, o = of_step.add_(self.recurrent_weights @ state).chunk(4)
            cell = f.sigmoid_() * cell + i.sigmoid_() * g.tanh_()
            state = o.sigmoid_() * cell.tanh()
            states.append(state)
            cells.append(cell)
        return torch.stack(states), torch.stack(cells)


class CSRClassifier(nn.Module):
    """Embedding and layers of a classifier; its linear layer, over a few labels, is dense."""

    def __init__(
        self, architecture: ClassifierArchitecture, weights: Weights, sparse: Container[str]
    ) -> None:
        """Take the weights.

        Args:
            architecture: All sizes.
            weights: They are copied.
            sparse: Names of the matrices that are held as CSR.
        """
        super().__init__()
        embedding = weights["embedding.weight"]
        self._embedding: CSRMatrix | Floats = (
            CSRMatrix.of(embedding) if "embedding.weight" in sparse else embedding.copy()
        )
        self.layers = nn.ModuleList(
            CSRLayer(weights, name, sparse) for name in architecture.layer_names
        )
        self.output = nn.Linear(architecture.hidden_sizes[-1], architecture.label_count)
        self.output.load_state_dict(
            {part: torch.from_numpy(weights[f"output.{part}"]) for part in ("weight", "bias")}
        )

    @property
    def nbytes(self) -> int:
        """Memory of all weights and their places."""
        layers = sum(layer.nbytes for layer in self.layers if isinstance(layer, CSRLayer))
        linear = sum(_nbytes(parameter) for parameter in self.output.parameters())
        return self._embedding.nbytes + layers + linear

    def run(self, words: Ids, lengths: Lengths, state: State) -> tuple[Tensor, State]:
        """The last layer's states, (T, B, H), and the state after each row's own last word.

        All rows run to the end of the longest.

        Args:
            words: (T, B).
            lengths: (B,).
            state: Before the first word, h and c of each layer, (B, H) each.
        """
        last = lengths - 1, np.arange(len(lengths))
        activations = self._look_up(words).transpose(1, 2)  # (T, E, B)
        entries: list[Any] = []
        for layer, h, c in zip(self.layers, state[::2], state[1::2], strict=True):
            before = (torch.from_numpy(entry).t() for entry in (h, c))
            activations, cells = layer(activations, *before)
            entries += [each.transpose(1, 2).numpy()[last] for each in (activations, cells)]
        return activations.transpose(1, 2), tuple(entries)

    def _look_up(self, words: Ids) -> Tensor:
        """The words' vectors, (T, B, E)."""
        if isinstance(self._embedding, CSRMatrix):
            vectors = self._embedding.rows(words.reshape(-1))
        else:
            vectors = self._embedding[words.reshape(-1)]
        return torch.from_numpy(vectors).view(*words.shape, -1)


def _nbytes(tensor: Tensor) -> int:
    parts = (
        (tensor.crow_indices(), tensor.col_indices(), tensor.values())
        if tensor.layout == torch.sparse_csr
        else (tensor,)
    )
    return sum(part.numel() * part.element_size() for part in parts)
