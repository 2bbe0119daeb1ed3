"""Timing engines in turn, so that whatever else the machine does is shared by all."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from issrnn.artifact import Artifact
from service.benchmark.record import Benchmark, Timing, git_commit, machine_name
from service.benchmark.shares import time_shares
from service.benchmark.workloads import random_items, workload_of
from service.cores import available_cores
from service.engines import Engine, EngineName, create_engine, engines_of, multiply_adds
from service.versions import version_of

__all__ = ["run_benchmark"]

WARM_UP_ROUNDS = 2


def run_benchmark(
    artifacts: Sequence[Artifact],
    *,
    engines: Sequence[EngineName],
    threads: Sequence[int],
    rounds: int,
) -> Benchmark:
    """Time every engine on every model that it can compute.

    Args:
        artifacts: Models of one architecture, the dense one first.
        engines: Engines to time.
        threads: Numbers of threads to time them with.
        rounds: Timed calls of each.

    Raises:
        ValueError: If the models are of several architectures, or no engine computes any of them.
    """
    kinds = {artifact.card.architecture.kind for artifact in artifacts}
    if len(kinds) != 1:
        raise ValueError(f"models of one architecture can be compared, not {sorted(kinds)}")
    if not any(name in engines_of(artifact.card) for artifact in artifacts for name in engines):
        raise ValueError(f"{' and '.join(engines)} can compute none of these models")
    commit = git_commit()  # of the code that is running, whatever is committed meanwhile
    timings: list[Timing] = []
    for count in threads:  # one after the other: torch's number of threads is the process'
        timings.extend(_time_in_turn(artifacts, engines, count, rounds))
    return Benchmark(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine_name(),
        cores=len(available_cores()),
        versions={name: version_of(name) for name in ("onnxruntime", "torch", "numpy")},
        commit=commit,
        item=workload_of(artifacts[0].card.architecture).item,
        timings=timings,
        shares=time_shares(artifacts, engines, rounds),
    )


def _time_in_turn(
    artifacts: Sequence[Artifact], engines: Sequence[EngineName], threads: int, rounds: int
) -> list[Timing]:
    built: list[tuple[Artifact, Engine[Any, Any]]] = [
        (artifact, create_engine(name, artifact, threads))
        for artifact in artifacts
        for name in engines
        if name in engines_of(artifact.card)
    ]
    batches = workload_of(artifacts[0].card.architecture).batches
    generator = np.random.default_rng(0)
    samples: dict[tuple[int, int], list[float]] = defaultdict(list)
    for turn in range(WARM_UP_ROUNDS + rounds):
        for batch in batches:
            for index, (artifact, engine) in enumerate(built):
                items = random_items(artifact.card.architecture, generator, batch)
                started = time.perf_counter()
                engine.compute(items)
                if turn >= WARM_UP_ROUNDS:
                    samples[index, batch].append(1000 * (time.perf_counter() - started))
    return [
        Timing(
            engine=engine.name,
            model=artifact.card.name,
            variant=artifact.card.variant,
            hidden_sizes=artifact.card.architecture.hidden_sizes,
            batch=batch,
            threads=threads,
            multiply_adds=multiply_adds(artifact.card, engine.name),
            bytes=artifact.bytes,
            milliseconds=samples[index, batch],
        )
        for batch in batches
        for index, (artifact, engine) in enumerate(built)
    ]
