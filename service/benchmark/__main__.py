"""Time of dense, ISS and sparse models on every engine: ``python -m service.benchmark``.

At the paper's sizes (Wen et al., ICLR 2018, Tables 1, 2 and 4) with random weights, as time does
not depend on their values, or for given artifacts. What is timed is what the service does with a
batch: the log-probability of each given next word of a language model, the logits of a reader or of
a classifier. All engines are timed in turn within each round; medians are given, and the share of
time that the layers take which ISS makes smaller. Where sparse kernels can compute a model, the
setting is printed that gives each model the engine that was its fastest.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from issrnn.artifact import Artifact, load
from service.benchmark import run_benchmark, to_markdown
from service.cores import available_cores
from service.engines import ENGINE_NAMES
from service.untrained import UNTRAINED, make_all_untrained

__all__ = ["main"]


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
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--task",
        choices=list(UNTRAINED),
        default="score",
        help="the paper's models of this task (and network)",
    )
    what.add_argument(
        "--models", type=Path, nargs="+", help="artifact folders, the dense one first"
    )
    parser.add_argument("--json", type=Path, help="write all samples there")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or min(options.threads) < 1:
        parser.error("--rounds and --threads must be at least 1")
    try:
        benchmark = run_benchmark(
            [load(path) for path in options.models] if options.models else _untrained(options.task),
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


def _untrained(task: str) -> list[Artifact]:
    """Dense models and smaller ones, untrained."""
    with tempfile.TemporaryDirectory() as folder:
        cards = make_all_untrained(Path(folder), task)
        return [load(Path(folder) / card.name) for card in cards]


if __name__ == "__main__":
    sys.exit(main())
