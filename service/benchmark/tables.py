"""A benchmark's tables: dense beside small, and what compression gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from service.benchmark.record import Benchmark, Share, Timing

__all__ = ["to_markdown"]


def to_markdown(benchmark: Benchmark) -> str:
    """A table a number of threads and batch, and one of the shares of time."""
    timings = benchmark.timings
    dense_sizes = timings[0].hidden_sizes
    versions = ", ".join(f"{name} {number}" for name, number in benchmark.versions.items())
    lines = [f"{benchmark.machine}, {benchmark.cores} cores; {versions}; {benchmark.created}"]
    for threads in dict.fromkeys(timing.threads for timing in timings):
        for batch in dict.fromkeys(timing.batch for timing in timings):
            here = [t for t in timings if (t.threads, t.batch) == (threads, batch)]
            lines += ["", f"{batch} x {benchmark.item}, {threads} thread(s), medians:", ""]
            lines += _times(here, dense_sizes)
            reference = [
                t for t in here if t.engine == "torch-fp32" and t.hidden_sizes == dense_sizes
            ]
            small = [t for t in here if t.hidden_sizes != dense_sizes]
            if reference and small:
                fastest = min(small, key=lambda timing: timing.median)
                ratio = reference[0].median / fastest.median
                lines += ["", f"dense torch-fp32 / small {fastest.engine}: {ratio:.1f}x"]
    if benchmark.shares:
        layers = ", ".join(benchmark.shares[0].layers)
        title = f"share of time in {layers}; 1 x {benchmark.item}, 1 thread:"
        lines += ["", title, "", *_shares(benchmark.shares, dense_sizes)]
    return "\n".join(lines) + "\n"


def _times(timings: Sequence[Timing], dense_sizes: tuple[int, ...]) -> Iterator[str]:
    yield "| engine | sizes | dense ms | small ms | dense / small: time | multiply-adds |"
    yield "|---|---|---|---|---|---|"
    for small in timings:
        if small.hidden_sizes == dense_sizes:
            continue
        [dense] = [t for t in timings if (t.engine, t.hidden_sizes) == (small.engine, dense_sizes)]
        yield (
            f"| {small.engine} | {_sizes(dense)} / {_sizes(small)} | {dense.median:.2f} "
            f"| {small.median:.2f} | {dense.median / small.median:.2f}x "
            f"| {dense.multiply_adds / small.multiply_adds:.2f}x |"
        )


def _shares(shares: Sequence[Share], dense_sizes: tuple[int, ...]) -> Iterator[str]:
    yield "| engine | sizes | dense | small |"
    yield "|---|---|---|---|"
    for small in shares:
        if small.hidden_sizes == dense_sizes:
            continue
        [dense] = [s for s in shares if (s.engine, s.hidden_sizes) == (small.engine, dense_sizes)]
        yield (
            f"| {small.engine} | {_sizes(dense)} / {_sizes(small)} "
            f"| {dense.share:.1%} | {small.share:.1%} |"
        )


def _sizes(of: Timing | Share) -> str:
    sizes = of.hidden_sizes
    if len(sizes) > 2 and len(set(sizes)) == 1:
        return f"{len(sizes)} x {sizes[0]}"
    return ", ".join(str(size) for size in sizes)
