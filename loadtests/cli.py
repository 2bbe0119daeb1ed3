"""The command line: what each command does with its arguments."""

from __future__ import annotations

import argparse
import json
import logging
import os
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from loadtests.arguments import build_parser
from loadtests.changes import measure_changes, table
from loadtests.compare import Processes, compare
from loadtests.conditions import describe_machine, service_settings
from loadtests.http import HttpError, get_models, release_of
from loadtests.picture import draw
from loadtests.plan import Plan
from loadtests.record import Record, read_record, write_whole
from loadtests.report import markdown, write_tables
from loadtests.scenarios import parse_mix
from loadtests.service_process import ServiceError, run_service
from loadtests.services import choose_across, models_of
from loadtests.summary import failures
from loadtests.tasks import build_tasks

__all__ = ["main"]

_LOG = logging.getLogger("loadtests")

OK, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130

_QUICK: dict[str, Any] = {"users": (1, 4), "rounds": 1, "duration": 1.5, "warm_up": 0.5}
_QUICK_RATES = (20.0,)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0, 1 if too many requests failed (one is too many for ``changes``), 2 if the input was
        wrong or the service did not start, 130 after Ctrl-C.
    """
    options = build_parser(_compare, _report, _changes).parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return int(options.run(options))
    except (ValueError, HttpError, ServiceError, OSError, psutil.Error) as error:
        sys.stderr.write(f"loadtests: {error}\n")
        return WRONG_INPUT
    except KeyboardInterrupt:
        return INTERRUPTED


def _compare(options: argparse.Namespace) -> int:
    plan = _plan(options)
    mix = parse_mix(options.mix) if options.mix else None
    folder = _folder(options, "loadtest")
    _log_to(folder / "loadtest.log")
    if options.models:
        if options.host:
            raise ValueError("--models is for a service started here; leave --host out")
        if not Path(options.models).is_dir():
            raise ValueError(f"--models {options.models} is no folder")
        os.environ["ISSRNN_MODELS_DIR"] = options.models
    if options.service_pid is not None and not options.host:
        raise ValueError("--service-pid is for a service that runs already; name its --host too")
    conditions = describe_machine() | {"command": _command()}
    with _services(options, folder) as (hosts, processes, placement):
        served = {host: get_models(host) for host in hosts}
        scenarios = choose_across(served, options.task, options.variants, mix)
        build_tasks({task for s in scenarios for task in s.weights}, plan)  # refuses bad options
        models = models_of(served, scenarios)
        conditions |= {"placement": placement}
        conditions |= {"releases": {host: release_of(host) for host in hosts}}
        if not options.host:
            conditions |= {"service_settings": service_settings()}
        names = ", ".join(model["name"] for model in models)
        _LOG.info("comparing %s at %s", names, " and ".join(hosts))
        record = compare(processes, models, scenarios, plan, conditions, folder)
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
def _services(
    options: argparse.Namespace, folder: Path
) -> Iterator[tuple[list[str], Processes, str]]:
    """The services' URLs, their first processes if known, and who computes where."""
    if options.host:
        hosts = [host.rstrip("/") for host in options.host]
        pids = options.service_pid or []
        if len(set(hosts)) < len(hosts):
            raise ValueError("--host names a service twice")
        if pids and len(pids) != len(hosts):
            raise ValueError(f"--service-pid has {len(pids)} processes for {len(hosts)} services")
        processes = {host: psutil.Process(pid) for host, pid in zip(hosts, pids, strict=False)}
        yield hosts, processes, f"load generator here, {' and '.join(hosts)} not started by it"
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
            yield [host], {host: psutil.Process(pid)}, placement
        finally:
            if split:
                os.sched_setaffinity(0, cores)


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
    record = read_record(options.record)
    in_folder = options.record.is_dir()
    folder = options.out or (options.record if in_folder else Path("reports", options.record.stem))
    folder.mkdir(parents=True, exist_ok=True)
    write_tables(record, folder)
    draw(record, folder)
    sys.stdout.write(markdown(record))
    return OK


def _changes(options: argparse.Namespace) -> int:
    if options.users < 1:
        raise ValueError("--users must be 1 or more")
    if not options.models.is_dir():
        raise ValueError(f"--models {options.models} is no folder")
    folder = _folder(options, "changes")
    conditions = describe_machine() | {"command": _command(), "users": options.users}
    rows = measure_changes(options.models, options.users, options.seconds, folder)
    record = {"conditions": conditions, "rows": [asdict(row) for row in rows]}
    write_whole(folder / "changes.json", json.dumps(record, indent=2) + "\n")
    sys.stdout.write(table(rows))
    for row in rows:
        for problem, count in row.problems.items():
            sys.stderr.write(f"loadtests: {row.change}: {count} x {problem}\n")
    return FAILED if any(row.problems or not row.answered for row in rows) else OK


def _folder(options: argparse.Namespace, name: str) -> Path:
    folder = Path(options.out or f"reports/{name}-{datetime.now(UTC):%Y-%m-%d-%H%M%S}")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


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
