"""A benchmark's tables: dense beside small, what compression gives, and which engine is fastest."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TypeVar

from service.benchmark.record import Benchmark, Share, Timing

__all__ = ["to_markdown"]

_Found = TypeVar("_Found", Timing, Share)

_SPARSE = "torch-csr-fp32"


def to_markdown(benchmark: Benchmark) -> str:
    """A table a number of threads and batch, and one of the shares of time."""
    timings = benchmark.timings
    dense = timings[0].model
    versions = ", ".join(f"{name} {number}" for name, number in benchmark.versions.items())
    lines = [f"{benchmark.machine}, {benchmark.cores} cores; {versions}; {benchmark.created}"]
    for threads in dict.fromkeys(timing.threads for timing in timings):
        for batch in dict.fromkeys(timing.batch for timing in timings):
            here = [t for t in timings if (t.threads, t.batch) == (threads, batch)]
            lines += ["", f"{batch} x {benchmark.item}, {threads} thread(s), medians:", ""]
            lines += _times(here, dense)
            reference = [t for t in here if (t.engine, t.model) == ("torch-fp32", dense)]
            small = [t for t in here if t.model != dense]
            if reference and small:
                fastest = min(small, key=lambda timing: timing.median)
                ratio = reference[0].median / fastest.median
                lines += ["", f"dense torch-fp32 / small {fastest.engine}: {ratio:.1f}x"]
            lines += _choice(here)
    if benchmark.shares:
        layers = ", ".join(benchmark.shares[0].layers)
        title = f"share of time in {layers}; 1 x {benchmark.item}, 1 thread:"
        lines += ["", title, "", *_shares(benchmark.shares, dense)]
    return "\n".join(lines) + "\n"


def _times(timings: Sequence[Timing], dense: str) -> Iterator[str]:
    pairs = _pairs(timings, dense)
    if not pairs:
        yield "| engine | sizes | ms |"
        yield "|---|---|---|"
        for timing in timings:
            yield f"| {timing.engine} | {_sizes(timing)} | {timing.median:.2f} |"
        return
    yield "| engine | sizes | dense ms | small ms | dense / small: time | multiply-adds |"
    yield "|---|---|---|---|---|---|"
    for large, small in pairs:
        yield (
            f"| {small.engine} | {_sizes(large)} / {_sizes(small)} | {large.median:.2f} "
            f"| {small.median:.2f} | {large.median / small.median:.2f}x "
            f"| {large.multiply_adds / small.multiply_adds:.2f}x |"
        )


def _choice(timings: Sequence[Timing]) -> Iterator[str]:
    """Where sparse kernels were timed: the setting that gives each model its fastest engine."""
    fastest: dict[str, Timing] = {}
    for timing in timings:
        if timing.engine.endswith("fp32"):  # int8 gives slightly other answers
            known = fastest.setdefault(timing.model, timing)
            if timing.median < known.median:
                fastest[timing.model] = timing
    if any(timing.engine == _SPARSE for timing in timings):
        engines = json.dumps({model: timing.engine for model, timing in fastest.items()})
        yield from ("", f"fastest in fp32: ISSRNN_ENGINES='{engines}'")


def _shares(shares: Sequence[Share], dense: str) -> Iterator[str]:
    pairs = _pairs(shares, dense)
    if not pairs:
        yield "| engine | sizes | share |"
        yield "|---|---|---|"
        for share in shares:
            yield f"| {share.engine} | {_sizes(share)} | {share.share:.1%} |"
        return
    yield "| engine | sizes | dense | small |"
    yield "|---|---|---|---|"
    for large, small in pairs:
        yield (
            f"| {small.engine} | {_sizes(large)} / {_sizes(small)} "
            f"| {large.share:.1%} | {small.share:.1%} |"
        )


def _pairs(found: Sequence[_Found], dense: str) -> list[tuple[_Found, _Found]]:
    """The dense model and each other one, on the same engine; sparse kernels against torch's."""
    large: dict[str, _Found] = {each.engine: each for each in found if each.model == dense}
    if "torch-fp32" in large:
        large.setdefault(_SPARSE, large["torch-fp32"])
    return [
        (large[each.engine], each) for each in found if each.model != dense and each.engine in large
    ]


def _sizes(of: Timing | Share) -> str:
    sizes = of.hidden_sizes
    shown = ", ".join(str(size) for size in sizes)
    if len(sizes) > 2 and len(set(sizes)) == 1:
        shown = f"{len(sizes)} x {sizes[0]}"
    return f"{shown} (set)" if of.variant == "set" else shown
