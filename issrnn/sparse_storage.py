"""Matrices of which few weights are other than zero, as these weights and their places.

A matrix is stored as two arrays, in row-major order: ``NAME.values``, and ``NAME.gaps``, a byte for
each weight that says how many empty places stand before it. 255 stands for 255 empty places without
a weight after them, so that longer gaps take several bytes (as in the relative indices of Han et
al., 2016, https://arxiv.org/abs/1510.00149).

That takes one byte a weight at any size, and nothing a row. Of weights with the density p a gap
holds log2(e / p) bits, 6.1 at 4%, so little is left to gain; rows with 16-bit columns take twice as
much, and a matrix over words has many rows. Places cannot repeat. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SparseMatrix", "pack", "unpack"]

Arrays = dict[str, NDArray[Any]]

_VALUES, _GAPS = ".values", ".gaps"
_SKIP = 255
"""So many empty places, and no weight after them."""


@dataclass(frozen=True, eq=False)
class SparseMatrix:
    """The n weights of a matrix that are not zero, and where they stand."""

    values: NDArray[Any]
    """(n,) float or int8, row by row."""
    gaps: NDArray[np.uint8]
    """(n + skips,): empty places before each weight, or `_SKIP`."""

    @classmethod
    def of(cls, dense: NDArray[Any]) -> SparseMatrix:
        """From all places of a matrix, whose type the values keep."""
        places = np.flatnonzero(dense)
        empty = np.diff(places, prepend=-1) - 1
        skips = empty // _SKIP
        gaps = np.full(len(places) + int(skips.sum()), _SKIP, np.uint8)
        gaps[np.cumsum(skips + 1) - 1] = empty % _SKIP
        return cls(dense.reshape(-1)[places], gaps)

    @property
    def nbytes(self) -> int:
        """What both arrays take."""
        return self.values.nbytes + self.gaps.nbytes

    def dense(self, shape: tuple[int, ...]) -> NDArray[Any]:
        """All places of a matrix of this shape.

        Raises:
            ValueError: If these are not its weights and places.
        """
        is_number = self.values.dtype.kind == "f" or self.values.dtype == np.int8
        if self.values.ndim != 1 or not is_number:
            raise ValueError(f"its values are {self.values.dtype} {self.values.shape}, not numbers")
        if self.gaps.ndim != 1 or self.gaps.dtype != np.uint8:
            raise ValueError(f"its gaps are {self.gaps.dtype} {self.gaps.shape}, not bytes")
        holds_weight = self.gaps != _SKIP
        if int(holds_weight.sum()) != len(self.values):
            raise ValueError(f"it has {len(self.values)} values for {holds_weight.sum()} places")
        places = np.cumsum(self.gaps.astype(np.int64) + holds_weight) - 1
        matrix = np.zeros(shape, self.values.dtype)
        if len(places) and places[-1] >= matrix.size:
            raise ValueError(f"it has a weight at place {places[-1]} of {matrix.size}")
        matrix.reshape(-1)[places[holds_weight]] = self.values
        return matrix


def pack(weights: Mapping[str, NDArray[Any]]) -> tuple[Arrays, dict[str, int]]:
    """The arrays of a file, in which a matrix is sparse where that is smaller.

    Args:
        weights: By name, in the types they are stored in.

    Returns:
        What to store, and of each sparse matrix how many weights it has.
    """
    arrays: Arrays = {}
    counts: dict[str, int] = {}
    for name, dense in weights.items():
        sparse = SparseMatrix.of(dense)
        if dense.ndim == 2 and sparse.nbytes < dense.nbytes:
            arrays |= {name + _VALUES: sparse.values, name + _GAPS: sparse.gaps}
            counts[name] = len(sparse.values)
        else:
            arrays[name] = dense
    return arrays, counts


def unpack(
    arrays: Mapping[str, NDArray[Any]],
    counts: Mapping[str, int],
    shapes: Mapping[str, tuple[int, ...]],
) -> Arrays:
    """The weights by name, zeros included: what `pack` was given.

    Args:
        arrays: Of a file.
        counts: How many weights each sparse matrix has.
        shapes: Of all weights.

    Raises:
        ValueError: If a sparse matrix is not there, or not of this many weights or this shape.
    """
    weights = dict(arrays)
    for name, count in counts.items():
        values, gaps = weights.pop(name + _VALUES, None), weights.pop(name + _GAPS, None)
        if values is None or gaps is None or name not in shapes:
            raise ValueError(f"there is no sparse matrix {name}")
        if values.size != count:
            raise ValueError(f"{name} has {values.size} weights, should have {count}")
        try:
            weights[name] = SparseMatrix(values, gaps).dense(shapes[name])
        except ValueError as error:
            raise ValueError(f"{name} is no sparse matrix: {error}") from None
    return weights
