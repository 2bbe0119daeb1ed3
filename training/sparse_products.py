"""What sparsity buys in a matrix product on this machine (Wen et al., ICLR 2018, Fig. 1)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from matplotlib.figure import Figure
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from issrnn.invalid import first_problem
from training.errors import RunError, reason
from training.plots import write_figure
from training.tables.markdown import markdown_table
from training.timing import time_in_turn

__all__ = [
    "BLOCK_SIZES",
    "SPARSITIES",
    "Product",
    "Products",
    "plot_products",
    "products_table",
    "read_products",
    "time_products",
]

SPARSITIES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975)
"""Shares of the weights that are removed."""
BLOCK_SIZES = (4, 20)
"""Sides of the square blocks that block sparsity removes whole."""


@dataclass(frozen=True)
class Product:
    """All gates of an LSTM whose input is as long as its state: (4H, 2H) times (2H, B)."""

    hidden_size: int
    batch_size: int
    times: dict[str, dict[float, float]]
    """Median milliseconds by way and sparsity; the dense product is way ``dense``, sparsity 0."""

    @property
    def title(self) -> str:
        """Its sizes."""
        rows, columns = 4 * self.hidden_size, 2 * self.hidden_size
        return f"({rows} x {columns}) x ({columns} x {self.batch_size})"

    def speedups(self, way: str) -> dict[float, float]:
        """Dense time over this way's, by sparsity."""
        dense = self.times["dense"][0.0]
        return {sparsity: dense / time for sparsity, time in self.times[way].items()}


@dataclass(frozen=True)
class Products:
    """A whole run of the benchmark."""

    conditions: str
    """Versions, machine, rounds, commit."""
    products: tuple[Product, ...]


def read_products(path: Path) -> Products | None:
    """What the benchmark recorded; None if there is no such file.

    Raises:
        RunError: If it cannot be read or is none of the benchmark.
    """
    if not path.exists():
        return None
    try:
        return TypeAdapter(Products).validate_json(path.read_bytes())
    except OSError as error:
        raise RunError(f"cannot read {path}: {reason(error)}") from error
    except ValidationError as error:
        what = first_problem(error)
        raise RunError(f"{path} is not what benchmark-products records: {what}") from error


def time_products(
    hidden_size: int,
    batch_size: int,
    rounds: int,
    between: Callable[[], object] | None = None,
) -> Product:
    """Time the dense product, and every way of leaving weights out at every sparsity, in turn.

    Structured: as many units are removed, four rows and two columns each, as leave the same share
    of the weights. CSR: single weights at random. Blocks: squares at random (BSR). 2:4 sparsity is
    not here: torch has it for GPUs only.

    Args:
        hidden_size: H.
        batch_size: B.
        rounds: How often each is measured.
        between: Called after each call.
    """
    dense, inputs = (
        torch.randn(4 * hidden_size, 2 * hidden_size),
        torch.randn(2 * hidden_size, batch_size),
    )
    calls: dict[tuple[str, float], Callable[[], object]] = {("dense", 0.0): lambda: dense @ inputs}
    for sparsity in SPARSITIES:
        for way, weight in _sparse(dense, sparsity).items():
            columns = inputs[: weight.shape[1]].contiguous()
            calls[way, sparsity] = partial(torch.matmul, weight, columns)
    measured = time_in_turn({str(key): call for key, call in calls.items()}, rounds, between)
    times: dict[str, dict[float, float]] = {}
    for (way, sparsity), result in zip(calls, measured, strict=True):
        times.setdefault(way, {})[sparsity] = result.median
    return Product(hidden_size, batch_size, times)


def products_table(products: Sequence[Product]) -> str:
    """Speed-ups over the dense product, as Markdown."""
    rows = [
        [product.title, way, *(f"{speedup:.2f}x" for speedup in product.speedups(way).values())]
        for product in products
        for way in product.times
        if way != "dense"
    ]
    return markdown_table(
        ["product", "way", *(f"{sparsity:.1%} removed" for sparsity in SPARSITIES)], rows
    )


def plot_products(path: Path, products: Sequence[Product], conditions: str) -> None:
    """Write speed-up against sparsity, one panel a product, as PNG.

    Raises:
        RunError: If it cannot be written.
    """
    figure = Figure(figsize=(5 * len(products), 4.4), layout="constrained")
    panels = figure.subplots(1, len(products), squeeze=False)[0]
    for panel, product in zip(panels, products, strict=True):
        for way in product.times:
            if way != "dense":
                speedups = product.speedups(way)
                panel.plot([100 * s for s in speedups], list(speedups.values()), "o-", label=way)
        panel.axhline(1.0, color="gray", linewidth=0.8, linestyle=":")
        panel.set(title=product.title, xlabel="weights removed, %", ylabel="speed-up", yscale="log")
        panel.grid(alpha=0.3, which="both")
        panel.legend()
    figure.suptitle(conditions, fontsize=9)
    write_figure(path, figure)


def _sparse(dense: Tensor, sparsity: float) -> dict[str, Tensor]:
    """The weight matrix without that share of its weights, by the way they are chosen."""
    rows, columns = dense.shape
    units = max(1, round(columns / 2 * math.sqrt(1 - sparsity)))
    ways = {"structured": dense[: 4 * units, : 2 * units].contiguous()}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse (CSR|BSR) tensor support is in beta")
        ways["CSR"] = (dense * (torch.rand_like(dense) >= sparsity)).to_sparse_csr()
        for size in BLOCK_SIZES:
            if rows % size == 0 and columns % size == 0:
                kept = torch.rand(rows // size, columns // size) >= sparsity
                mask = kept.repeat_interleave(size, 0).repeat_interleave(size, 1)
                ways[f"{size} x {size} blocks"] = (dense * mask).to_sparse_bsr((size, size))
    return ways
