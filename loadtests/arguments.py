"""The arguments of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loadtests.plan import Plan
from loadtests.scenarios import MIX
from loadtests.tasks import TASKS

__all__ = ["Command", "build_parser"]

Command = Callable[[argparse.Namespace], int]
"""Takes the arguments, gives the exit code."""


def build_parser(compare: Command, report: Command, changes: Command) -> argparse.ArgumentParser:
    """The parser of ``python -m loadtests``; its result's ``run`` is one of these commands."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests", description="Load tests of the service over HTTP."
    )
    commands = parser.add_subparsers(required=True)
    comparison = commands.add_parser(
        "compare", help="compare variants of a service, or services, and write a report"
    )
    comparison.set_defaults(run=compare)
    where = comparison.add_mutually_exclusive_group()
    where.add_argument(
        "--host",
        nargs="+",
        metavar="URL",
        help="running services, such as http://host:8000; the models of several are compared with "
        "each other",
    )
    where.add_argument(
        "--serve", action="store_true", help="start the service here and stop it after (default)"
    )
    comparison.add_argument(
        "--service-pid",
        nargs="+",
        type=int,
        metavar="PID",
        help="with --host: each service's first process, in their order, if they run here, so "
        "that the report tells how many cores it and those that come from it use",
    )
    comparison.add_argument(
        "--models",
        metavar="FOLDER",
        help="with --serve: the folder of artifacts to serve (default: the service's own setting)",
    )
    comparison.add_argument(
        "--share-cores",
        action="store_true",
        help="with --serve: do not keep the last core for the load generator",
    )
    comparison.add_argument(
        "--variants",
        nargs="+",
        metavar="NAME",
        help="models to compare, the first of each task is its yardstick (default: all, dense "
        "ones first); of several services those of the first come first",
    )
    comparison.add_argument(
        "--task",
        nargs="+",
        choices=(*TASKS, MIX),
        help="what to send (default: all that is served and, if there are several, all mixed)",
    )
    comparison.add_argument(
        "--mix",
        metavar="WEIGHTS",
        help="how often each task is asked when mixed, such as score=3,answer=1 (default: equally)",
    )
    comparison.add_argument("--out", metavar="FOLDER", help="default: reports/loadtest-DATE")
    comparison.add_argument(
        "--quick", action="store_true", help="a look: some seconds for each model"
    )
    _add_plan(comparison)
    again = commands.add_parser("report", help="write tables and picture again from a record")
    again.set_defaults(run=report)
    again.add_argument("record", type=Path, help="a record, or a folder with one as record.json")
    again.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="default: the record's folder, or reports/NAME for a NAME.json",
    )
    under_load = commands.add_parser(
        "changes", help="change a service under load and count the requests that fail"
    )
    under_load.set_defaults(run=changes)
    under_load.add_argument(
        "--models",
        type=Path,
        metavar="FOLDER",
        default=Path("models"),
        help="of artifacts to serve",
    )
    under_load.add_argument("--users", type=int, default=8, help="of a closed loop (default 8)")
    under_load.add_argument(
        "--seconds", type=float, default=10.0, help="for each kind of change (default 10)"
    )
    under_load.add_argument("--out", metavar="FOLDER", help="default: reports/changes-DATE")
    return parser


def _add_plan(parser: argparse.ArgumentParser) -> None:
    plan = Plan()
    group = parser.add_argument_group("what is measured")

    def add(name: str, meaning: str, **how: Any) -> None:
        default = getattr(plan, name)
        shown = " ".join(map(str, default)) if isinstance(default, tuple) else default
        if shown is not None:
            meaning += f" (default {shown})"
        group.add_argument(f"--{name.replace('_', '-')}", help=meaning, **how)

    add("users", "closed loop: numbers of users", nargs="+", type=int)
    add(
        "rates",
        "open loop: arrivals a second (default: from the closed loops)",
        nargs="*",
        type=float,
    )
    add("rounds", "measurements of each load for each variant", type=int)
    add("duration", "seconds of a measurement", type=float)
    add("warm_up", "seconds before each that do not count", type=float)
    add("timeout", "seconds a client waits for an answer", type=float)
    add("seed", "fixes what is sent and when it arrives", type=int)
    add("max_failed", "share of failed requests above which the command fails", type=float)
    add("texts_per_request", "/score, /classify: texts in a request", type=int)
    group.add_argument(
        "--token-details",
        action="store_true",
        default=None,
        help="/score: ask for every token's log-probability, not only each sentence's",
    )
    add("top_k", "/answer: spans asked for", type=int)
    add(
        "context_words",
        "/answer: only passages of so many words (default: all)",
        nargs=2,
        type=int,
        metavar=("LEAST", "MOST"),
    )
