"""Weights as the numbers of a file: fp32, fp16, or int8 with a scale for each row of a matrix.

In int8 each row w is stored as ``NAME``, round(w / scale), and ``NAME.scale``, max |w| / 127 (as
LSTMs are quantised by row in https://arxiv.org/abs/1607.04683); vectors, which are few, stay fp32.
A scale is rounded up to 16 bits so that each product with a byte is an fp32 number: what was read
back is stored as the same bytes again. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["NumberType", "decode", "encode"]

NumberType = Literal["float32", "float16", "int8"]

_SCALE = ".scale"
_LARGEST = 127
_SCALE_BITS = 16


def encode(
    weights: Mapping[str, NDArray[np.float32]], number_type: NumberType
) -> dict[str, NDArray[Any]]:
    """What is stored of weights, by name.

    Args:
        weights: (rows, ...) or (n,) each, finite.
        number_type: Of the numbers.
    """
    if number_type != "int8":
        return {name: array.astype(number_type) for name, array in weights.items()}
    stored: dict[str, NDArray[Any]] = {}
    for name, array in weights.items():
        if array.ndim == 1:
            stored[name] = array.astype(np.float32)
            continue
        scales = _scales(array)
        by_row = _by_row(scales, array.ndim)
        quotients = np.divide(array, by_row, out=np.zeros_like(array), where=by_row > 0)
        stored[name] = np.rint(quotients).astype(np.int8)
        stored[name + _SCALE] = scales
    return stored


def decode(stored: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    """The weights by name, as fp32.

    Raises:
        ValueError: If a matrix of int8 has no scale for each of its rows.
    """
    weights = {}
    for name, array in stored.items():
        if array.dtype != np.int8:
            if stored.get(name.removesuffix(_SCALE), array).dtype != np.int8:
                weights[name] = array.astype(np.float32)
            continue
        scales = stored.get(name + _SCALE)
        if scales is None or scales.shape != array.shape[:1]:
            raise ValueError(f"{name} is int8 and has no scale for each of its rows")
        weights[name] = array * _by_row(scales.astype(np.float32), array.ndim)
    return weights


def _by_row(scales: NDArray[np.float32], dimensions: int) -> NDArray[np.float32]:
    """In a shape that multiplies the rows of an array with so many dimensions."""
    return scales.reshape(-1, *(1,) * (dimensions - 1))


def _scales(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of each row (rows,), zero for one of zeros."""
    largest = np.abs(matrix).reshape(len(matrix), -1).max(axis=1)
    fractions, exponents = np.frexp(largest / _LARGEST)
    rounded = np.ceil(np.ldexp(fractions, _SCALE_BITS))
    scales: NDArray[np.float32] = np.ldexp(rounded, exponents - _SCALE_BITS).astype(np.float32)
    return scales
