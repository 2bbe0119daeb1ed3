"""What the ``benchmark-...`` commands do: time in turn, print, record."""

from __future__ import annotations

import argparse
import dataclasses
import sys

import torch

from training.classification.benchmark import (
    WAYS,
    SparseWorkload,
    sparse_steps_table,
    time_sparse_steps,
)
from training.files import write_json
from training.language_modelling.benchmark import STEPS, StepWorkload, table, time_steps
from training.machine import choose_device, describe_machine, git_commit, set_threads
from training.progress import progress_bar
from training.sparse_products import (
    BLOCK_SIZES,
    SPARSITIES,
    Products,
    plot_products,
    products_table,
    time_products,
)

__all__ = ["benchmark_products", "benchmark_sparse_step", "benchmark_step"]


def benchmark_step(options: argparse.Namespace) -> None:
    """Print a table of step times, with the conditions they were taken under."""
    set_threads(options.threads)
    workload = StepWorkload(
        hidden_size=options.hidden, vocabulary_size=options.vocabulary, rounds=options.rounds
    )
    with progress_bar("timing", len(STEPS) * (options.rounds + 1), "step") as bar:
        times = time_steps(workload, between=bar.update)
    conditions = _conditions(
        f"2 x {workload.hidden_size} units, {workload.vocabulary_size} words, batch "
        f"{workload.batch_size}, {workload.bptt_steps} steps",
        workload.rounds,
    )
    _say(f"{table(times)}\n\n{conditions}")
    if options.record is not None:
        document = {
            "conditions": conditions,
            "workload": dataclasses.asdict(workload),
            "milliseconds": {measured.name: measured.milliseconds for measured in times},
        }
        write_json(options.record, document)


def benchmark_sparse_step(options: argparse.Namespace) -> None:
    """Print what sparse kernels buy in a whole training step, with the conditions."""
    set_threads(options.threads)
    workloads = [
        SparseWorkload(
            hidden_size=hidden,
            epsilon=epsilon,
            vocabulary_size=options.vocabulary,
            batch_size=options.batch,
            words=options.words,
            rounds=options.rounds,
        )
        for hidden in options.hidden
        for epsilon in options.epsilon
    ]
    steps = len(workloads) * len(WAYS) * (options.rounds + 1)
    with progress_bar("timing", steps, "step") as bar:
        measured = [time_sparse_steps(workload, bar.update) for workload in workloads]
    conditions = _conditions(
        f"{options.vocabulary} words, {options.batch} texts of {options.words} words; torch "
        f"{torch.__version__}",
        options.rounds,
    )
    _say(f"{sparse_steps_table(measured)}\n\n{conditions}")
    if options.record is not None:
        document = {
            "conditions": conditions,
            "steps": [dataclasses.asdict(step) for steps in measured for step in steps],
        }
        write_json(options.record, document)


def benchmark_products(options: argparse.Namespace) -> None:
    """Print what sparsity buys in matrix products, with the conditions, and draw it."""
    set_threads(options.threads)
    sizes = [(hidden, batch) for hidden in options.hidden for batch in options.batch]
    ways = 1 + len(SPARSITIES) * (2 + len(BLOCK_SIZES))
    products = []
    with progress_bar("timing", len(sizes) * ways * (options.rounds + 1), "product") as bar:
        for hidden, batch in sizes:
            products.append(time_products(hidden, batch, options.rounds, bar.update))
    conditions = _conditions(f"torch {torch.__version__}, fp32", options.rounds)
    _say(f"{products_table(products)}\n\n{conditions}")
    plot_products(options.out / "sparse-products.png", products, conditions)
    _say(str(options.out / "sparse-products.png"))
    if options.record is not None:
        write_json(options.record, dataclasses.asdict(Products(conditions, tuple(products))))


def _conditions(what: str, rounds: int) -> str:
    """Under what a benchmark ran: its work, the machine, the commit."""
    return (
        f"{what}; {describe_machine(choose_device('cpu'))}; {rounds} rounds in turn; "
        f"commit {git_commit()[:12]}"
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
