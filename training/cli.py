"""The command line: parses, calls, and turns errors into one line on stderr and exit code 2."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from training.config import override
from training.corpus import fetch_ptb
from training.errors import Interrupted, TrainingError
from training.machine import choose_device, set_threads
from training.presets import PRESETS, find_preset
from training.run import RunOptions, run

__all__ = ["main"]


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
    except TrainingError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except Interrupted as interruption:
        return 128 + interruption.signal_number
    return 0


def _build_parser() -> _Parser:
    parser = _Parser(prog="python -m training", description=__doc__.partition(":")[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    listing = commands.add_parser("list", help="the presets")
    listing.set_defaults(command=_list)

    fetch = commands.add_parser("fetch", help="download the Penn Treebank into the data directory")
    _add_data(fetch)
    fetch.set_defaults(command=lambda parsed: _say(f"{fetch_ptb(parsed.data)} is complete"))

    running = commands.add_parser("run", help="train a preset, or continue where it stopped")
    running.add_argument("preset", metavar="NAME", help="a preset; `list` prints them")
    _add_data(running)
    _add_runs(running)
    _add_compute(running)
    running.add_argument("--as", dest="name", help="name of the run (default: the preset's)")
    running.add_argument(
        "--set",
        dest="assignments",
        metavar="FIELD=VALUE",
        action="append",
        default=[],
        help="override a field of the preset, e.g. --set lambda=0.003 --set hidden_sizes=373,315",
    )
    running.add_argument(
        "--checkpoint-seconds",
        type=float,
        default=600.0,
        help="longest time between two checkpoints (default: %(default)s)",
    )
    running.set_defaults(command=_run)
    return parser


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("ISSRNN_DATA", "data")),
        help="data directory, holds ptb/ptb.train.txt etc. (default: $ISSRNN_DATA or data)",
    )


def _add_runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runs",
        type=Path,
        default=Path(os.environ.get("ISSRNN_RUNS", "runs")),
        help="holds a folder for each run (default: $ISSRNN_RUNS or runs)",
    )


def _add_compute(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: %(default)s)")
    parser.add_argument("--threads", type=int, help="CPU threads (default: physical cores)")


def _list(_: argparse.Namespace) -> None:
    width = max(len(name) for name in PRESETS)
    _say(f"{'preset':<{width}}  {'sizes':<10} {'keep':>5} {'epochs':>6} {'lambda':>7}  start")
    for name, config in PRESETS.items():
        sizes = "/".join(str(size) for size in config.hidden_sizes)
        start = config.start_from or "random"
        _say(
            f"{name:<{width}}  {sizes:<10} {config.keep:>5g} {config.epochs:>6} "
            f"{config.lambda_:>7g}  {start}"
        )


def _run(parsed: argparse.Namespace) -> None:
    set_threads(parsed.threads)
    config = override(find_preset(parsed.preset), parsed.assignments)
    options = RunOptions(
        data=parsed.data,
        runs=parsed.runs,
        name=parsed.name or parsed.preset,
        device=choose_device(parsed.device),
        checkpoint_seconds=parsed.checkpoint_seconds,
    )
    record = run(config, options)
    metrics = record["metrics"]
    _say(
        f"{record['name']}: valid {metrics['valid_perplexity']:.2f}, "
        f"test {metrics['test_perplexity']:.2f}, sizes {record['hidden_sizes']}, "
        f"{record['parameters']:,} weights, {record['wall_time_seconds']:.0f} s; "
        f"all in {options.runs / options.name}"
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
