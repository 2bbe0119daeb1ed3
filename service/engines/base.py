"""What every engine is: a network that computes items of work together, each as if alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

__all__ = ["ENGINE_NAMES", "Engine", "EngineName", "Floats", "Ids", "Item", "Lengths"]

EngineName = Literal["onnxruntime-fp32", "onnxruntime-int8", "torch-fp32", "torch-csr-fp32"]
"""Library and precision; with ``csr``, sparse matrices are computed with as such."""

ENGINE_NAMES: tuple[EngineName, ...] = get_args(EngineName)

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
Lengths = NDArray[np.int32]


class Item(Protocol):
    """The unit of work: what a batch is made of."""

    @property
    def length(self) -> int:
        """Steps it takes; items of a batch are padded to the longest."""
        ...


ItemT_contra = TypeVar("ItemT_contra", contravariant=True)
OutputT_co = TypeVar("OutputT_co", covariant=True)


class Engine(Protocol[ItemT_contra, OutputT_co]):
    """Computes one network; keeps nothing from call to call."""

    name: EngineName
    weight_bytes: int
    """Memory the weights take in this engine's precision."""

    def compute(self, items: Sequence[ItemT_contra]) -> Sequence[OutputT_co]:
        """Compute items together.

        Args:
            items: At least one; they may differ in length.

        Returns:
            The output of each, in order, as if it had been computed alone.
        """
        ...
