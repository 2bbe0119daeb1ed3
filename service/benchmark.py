"""Time of dense and ISS models on every engine: ``python -m service.benchmark``.

At the paper's sizes (Wen et al., ICLR 2018, Table 1) with random weights, as time does not depend
on their values. What is timed is what the service does with a batch: the log-probability of each
given next word. All engines are timed in turn within each round, so that whatever else the machine
does is shared by all; medians are given.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from issrnn.artifact import Artifact, load
from service.cores import available_cores
from service.engines import ENGINE_NAMES, Engine, EngineName, create_engine
from service.engines.base import Chunk, score_chunks
from service.untrained import DENSE_SIZES, MODELS, make_untrained

__all__ = ["Benchmark", "Timing", "main", "run_benchmark", "to_markdown"]

STEPS = 30
BATCHES = (10, 1)
WARM_UP_ROUNDS = 2


class Timing(BaseModel):
    """One engine, one model, one batch."""

    engine: EngineName
    hidden_sizes: tuple[int, ...]
    batch: int
    threads: int
    multiply_adds: int
    """For one token."""
    milliseconds: list[float]
    """Of each round."""

    @property
    def median(self) -> float:
        """In milliseconds."""
        return statistics.median(self.milliseconds)


class Benchmark(BaseModel):
    """A whole run: what was timed, where, and with what."""

    created: str
    machine: str
    cores: int
    versions: dict[str, str]
    steps: int
    timings: list[Timing]


def run_benchmark(
    artifacts: Sequence[Artifact],
    *,
    engines: Sequence[EngineName],
    threads: Sequence[int],
    rounds: int,
) -> Benchmark:
    """Time every engine on every model.

    Args:
        artifacts: The models, the dense one first.
        engines: Engines to time.
        threads: Numbers of threads to time them with.
        rounds: Timed calls of each.
    """
    timings: list[Timing] = []
    for count in threads:  # one after the other: torch's number of threads is the process'
        timings.extend(_time_in_turn(artifacts, engines, count, rounds))
    return Benchmark(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=_machine(),
        cores=len(available_cores()),
        versions={name: _version(name) for name in ("onnxruntime", "torch", "numpy")},
        steps=STEPS,
        timings=timings,
    )


def _time_in_turn(
    artifacts: Sequence[Artifact], engines: Sequence[EngineName], threads: int, rounds: int
) -> list[Timing]:
    built: list[tuple[Artifact, Engine]] = [
        (artifact, create_engine(name, artifact, threads))
        for artifact in artifacts
        for name in engines
    ]
    generator = np.random.default_rng(0)
    samples: dict[tuple[int, int], list[float]] = defaultdict(list)
    for turn in range(WARM_UP_ROUNDS + rounds):
        for batch in BATCHES:
            for index, (artifact, engine) in enumerate(built):
                chunks = _chunks(generator, artifact.card.architecture.vocabulary_size, batch)
                started = time.perf_counter()
                score_chunks(engine, chunks)
                if turn >= WARM_UP_ROUNDS:
                    samples[index, batch].append(1000 * (time.perf_counter() - started))
    return [
        Timing(
            engine=engine.name,
            hidden_sizes=artifact.card.architecture.hidden_sizes,
            batch=batch,
            threads=threads,
            multiply_adds=artifact.card.architecture.multiply_adds_per_token(),
            milliseconds=samples[index, batch],
        )
        for batch in BATCHES
        for index, (artifact, engine) in enumerate(built)
    ]


def _chunks(generator: np.random.Generator, vocabulary_size: int, batch: int) -> list[Chunk]:
    ids = generator.integers(0, vocabulary_size, (batch, 2, STEPS))
    return [Chunk(inputs=row[0], targets=row[1]) for row in ids]


def to_markdown(benchmark: Benchmark) -> str:
    """A table a number of threads and batch, dense beside small, and what compression gives."""
    timings = benchmark.timings
    dense_sizes = timings[0].hidden_sizes
    versions = ", ".join(f"{name} {number}" for name, number in benchmark.versions.items())
    lines = [f"{benchmark.machine}, {benchmark.cores} cores; {versions}; {benchmark.created}"]
    for threads in dict.fromkeys(timing.threads for timing in timings):
        for batch in BATCHES:
            here = [t for t in timings if (t.threads, t.batch) == (threads, batch)]
            lines += ["", f"{batch} x {benchmark.steps} steps, {threads} thread(s), medians:", ""]
            lines += _table(here, dense_sizes)
            reference = [
                t for t in here if t.engine == "torch-fp32" and t.hidden_sizes == dense_sizes
            ]
            small = [t for t in here if t.hidden_sizes != dense_sizes]
            if reference and small:
                fastest = min(small, key=lambda timing: timing.median)
                ratio = reference[0].median / fastest.median
                lines += ["", f"dense torch-fp32 / small {fastest.engine}: {ratio:.1f}x"]
    return "\n".join(lines) + "\n"


def _table(timings: Sequence[Timing], dense_sizes: tuple[int, ...]) -> list[str]:
    lines = [
        "| engine | sizes | dense ms | small ms | dense / small: time | multiply-adds |",
        "|---|---|---|---|---|---|",
    ]
    for small in timings:
        if small.hidden_sizes == dense_sizes:
            continue
        [dense] = [t for t in timings if (t.engine, t.hidden_sizes) == (small.engine, dense_sizes)]
        lines.append(
            f"| {small.engine} | {_sizes(dense)} / {_sizes(small)} | {dense.median:.2f} "
            f"| {small.median:.2f} | {dense.median / small.median:.2f}x "
            f"| {dense.multiply_adds / small.multiply_adds:.2f}x |"
        )
    return lines


def _sizes(timing: Timing) -> str:
    return ", ".join(str(size) for size in timing.hidden_sizes)


def _machine() -> str:
    path = Path("/proc/cpuinfo")
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def main(arguments: list[str] | None = None) -> int:
    """Run, print the tables, and write the record if asked to.

    Returns:
        0, or 1 after one line on standard error.
    """
    parser = argparse.ArgumentParser(prog="python -m service.benchmark", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="timed calls of each (default 20)")
    cores = len(available_cores())
    parser.add_argument(
        "--threads", type=int, nargs="+", default=sorted({1, cores}), help="default: 1 and all"
    )
    parser.add_argument("--engines", nargs="+", choices=ENGINE_NAMES, default=list(ENGINE_NAMES))
    parser.add_argument(
        "--models", type=Path, nargs="+", help="artifact folders, the dense one first"
    )
    parser.add_argument("--json", type=Path, help="write all samples there")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or min(options.threads) < 1:
        parser.error("--rounds and --threads must be at least 1")
    try:
        benchmark = run_benchmark(
            [load(folder) for folder in options.models] if options.models else _untrained(),
            engines=options.engines,
            threads=options.threads,
            rounds=options.rounds,
        )
        sys.stdout.write(to_markdown(benchmark))
        if options.json:
            options.json.write_text(benchmark.model_dump_json(indent=1), encoding="utf-8")
    except Exception as error:  # noqa: BLE001 - one line says what went wrong
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def _untrained() -> list[Artifact]:
    """The paper's dense and ISS model, untrained."""
    with tempfile.TemporaryDirectory() as folder:
        names = sorted(MODELS, key=lambda name: MODELS[name] != DENSE_SIZES)
        for name in names:
            make_untrained(Path(folder), name, MODELS[name])
        return [load(Path(folder) / name) for name in names]


if __name__ == "__main__":
    sys.exit(main())
