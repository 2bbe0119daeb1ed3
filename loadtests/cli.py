"""The command line: only parses and calls."""

from __future__ import annotations

import argparse
import logging
import os
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from loadtests.compare import compare
from loadtests.conditions import describe_machine, service_settings
from loadtests.http import HttpError, get_models
from loadtests.picture import draw
from loadtests.plan import Plan
from loadtests.report import Record, markdown, read_record, write_tables
from loadtests.service_process import ServiceError, run_service
from loadtests.summary import failures

__all__ = ["main"]

_LOG = logging.getLogger("loadtests")

OK, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130

_QUICK: dict[str, Any] = {"users": (1, 4), "rounds": 1, "duration": 1.5, "warm_up": 0.5}
_QUICK_RATES = (20.0,)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0, 1 if too many requests failed, 2 if the input was wrong or the service did not start,
        130 after Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return int(options.run(options))
    except (ValueError, HttpError, ServiceError, OSError) as error:
        sys.stderr.write(f"loadtests: {error}\n")
        return WRONG_INPUT
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtests", description=__doc__)
    commands = parser.add_subparsers(required=True)
    comparison = commands.add_parser(
        "compare", help="compare variants of one service and write a report"
    )
    comparison.set_defaults(run=_compare)
    where = comparison.add_mutually_exclusive_group()
    where.add_argument("--host", help="base URL of a running service, such as http://host:8000")
    where.add_argument(
        "--serve", action="store_true", help="start the service here and stop it after (default)"
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
        help="models to compare, the first is the yardstick (default: all, dense ones first)",
    )
    comparison.add_argument("--out", metavar="FOLDER", help="default: reports/loadtest-DATE")
    comparison.add_argument("--quick", action="store_true", help="a look of well under a minute")
    _add_plan(comparison)
    again = commands.add_parser("report", help="write tables and picture again from a record")
    again.set_defaults(run=_report)
    again.add_argument("folder", type=Path, help="a folder that holds record.json")
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
    add("texts_per_request", "sentences in a request", type=int)
    add("seed", "fixes the sentences sent and the arrival times", type=int)
    add("max_failed", "share of failed requests above which the command fails", type=float)
    group.add_argument(
        "--token-details",
        action="store_true",
        default=None,
        help="ask for every token's log-probability, not only each sentence's",
    )


def _compare(options: argparse.Namespace) -> int:
    plan = _plan(options)
    started = datetime.now(UTC)
    folder = Path(options.out or f"reports/loadtest-{started:%Y-%m-%d-%H%M%S}")
    folder.mkdir(parents=True, exist_ok=True)
    _log_to(folder / "loadtest.log")
    if options.models:
        if options.host:
            raise ValueError("--models is for a service started here; leave --host out")
        if not Path(options.models).is_dir():
            raise ValueError(f"--models {options.models} is no folder")
        os.environ["ISSRNN_MODELS_DIR"] = options.models
    conditions = describe_machine() | {"command": _command()}
    with _service(options, folder) as (host, process, placement):
        models = _choose(get_models(host), options.variants)
        conditions |= {"placement": placement}
        if process:
            conditions |= {"service_settings": service_settings()}
        _LOG.info("comparing %s at %s", ", ".join(model["name"] for model in models), host)
        record = compare(host, process, models, plan, conditions, folder)
    return _judge(record, folder)


def _plan(options: argparse.Namespace) -> Plan:
    plan = replace(Plan(), **_QUICK, rates=_QUICK_RATES) if options.quick else Plan()
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in vars(options).items()
        if name in Plan.__dataclass_fields__ and value is not None
    }
    return replace(plan, **given)


@contextmanager
def _service(
    options: argparse.Namespace, folder: Path
) -> Iterator[tuple[str, psutil.Process | None, str]]:
    """The service's URL, its process if it is ours, and who computes where."""
    if options.host:
        yield options.host.rstrip("/"), None, f"service at {options.host}, not started here"
        return
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    split = len(cores) > 1 and not options.share_cores
    served = frozenset(cores[:-1]) if split else None
    shown = ", ".join(map(str, cores[:-1]))
    placement = (
        f"service on core(s) {shown}, load generator on core {cores[-1]}"
        if split
        else f"service and load generator share {os.cpu_count()} core(s)"
    )
    _LOG.info("starting the service: %s", placement)
    with run_service(folder / "service.log", served) as (host, pid):
        if split:
            os.sched_setaffinity(0, {cores[-1]})
        try:
            yield host, psutil.Process(pid), placement
        finally:
            if split:
                os.sched_setaffinity(0, cores)


def _choose(models: list[dict[str, Any]], names: list[str] | None) -> list[dict[str, Any]]:
    known = {model["name"]: model for model in models}
    if names is None:
        chosen = [model for model in models if model.get("state", "ready") == "ready"]
        chosen.sort(key=lambda model: model.get("variant") != "dense")
    elif missing := [name for name in names if name not in known]:
        raise ValueError(f"--variants {missing[0]} is not served; there are: {', '.join(known)}")
    else:
        chosen = [known[name] for name in names]
    if not chosen:
        raise ValueError("the service has no model for /score")
    return chosen


def _judge(record: Record, folder: Path) -> int:
    sys.stdout.write(markdown(record))
    _LOG.info("written to %s", folder)
    if not record.complete:
        return INTERRUPTED
    found = failures(record.rows, record.plan.max_failed)
    for failure in found:
        _LOG.error("%s", failure)
    return FAILED if found else OK


def _report(options: argparse.Namespace) -> int:
    record = read_record(options.folder)
    write_tables(record, options.folder)
    draw(record, options.folder / "load.png")
    sys.stdout.write(markdown(record))
    return OK


def _log_to(path: Path) -> None:
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(message)s",
        datefmt="%H:%M:%S",
        handlers=[logging.StreamHandler(), logging.FileHandler(path, encoding="utf-8")],
        force=True,
    )
    logging.getLogger("locust").setLevel(logging.WARNING)


def _command() -> str:
    return shlex.join(["python", "-m", "loadtests", *sys.argv[1:]])


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
