"""The users for the ``locust`` command, its web page and its workers.

Name the loop: ``locust -f loadtests/locustfile.py ClosedLoopUser`` (or ``OpenLoopUser``); add
``,loadtests/shapes.py`` after the file for a load that rises in steps.
"""

from __future__ import annotations

import argparse
import math
from typing import Any

from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.exception import StopTest

from loadtests.plan import parse_steps
from loadtests.scenarios import parse_mix, parse_models
from loadtests.tasks import RequestOptions, build_tasks
from loadtests.users import ClosedLoopUser, OpenLoopUser, ServiceUser, Traffic

__all__ = ["ClosedLoopUser", "OpenLoopUser"]


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]  # Locust's events are
def add_options(parser: LocustArgumentParser) -> None:
    """Add what these users can be told; the web page shows it too."""
    group = parser.add_argument_group("what users send")
    group.add_argument(
        "--mix",
        default="score=1",
        env_var="LOADTEST_MIX",
        help="how often each task is asked, such as score=3,answer=1",
    )
    group.add_argument(
        "--variant",
        default="",
        env_var="LOADTEST_VARIANT",
        help="model to ask for, such as ptb-lstm-small-iss; for several tasks "
        "score=NAME,answer=NAME; empty: the service's traffic split",
    )
    group.add_argument(
        "--texts-per-request", type=int, default=1, help="/score, /classify: texts in a request"
    )
    group.add_argument("--top-k", type=int, default=1, help="/answer: spans asked for")
    group.add_argument(
        "--context-words",
        default="",
        help="/answer: only passages of at least and at most so many words, such as 80,250",
    )
    group.add_argument(
        "--rate-per-user",
        type=float,
        default=1.0,
        help="mean arrivals a second of one OpenLoopUser",
    )
    group.add_argument(
        "--steps",
        type=_steps,
        default="1,2,4,8,16,32",
        env_var="LOADTEST_STEPS",
        help="users of each step, with shapes.py",
    )
    group.add_argument(
        "--step-seconds",
        type=float,
        default=30.0,
        env_var="LOADTEST_STEP_SECONDS",
        help="length of a step",
    )


@events.init.add_listener  # type: ignore[untyped-decorator]  # Locust's events are
def check_options(environment: Environment, **_kwargs: Any) -> None:
    """Refuse a wrong command line in one line, before anything runs."""
    try:
        _traffic(environment)
    except ValueError as error:
        raise SystemExit(f"locust: error: {error}") from None


@events.test_start.add_listener  # type: ignore[untyped-decorator]  # Locust's events are
def take_options(environment: Environment, **_kwargs: Any) -> None:
    """Give the users their traffic, as the command line or the web page says now."""
    try:
        ServiceUser.traffic = _traffic(environment)
    except ValueError as error:
        raise StopTest(str(error)) from error


def _traffic(environment: Environment) -> Traffic:
    options = environment.parsed_options
    if options is None:
        raise RuntimeError("this file runs under the locust command; in code use user_class")
    for name in ("rate_per_user", "step_seconds"):
        if not 0 < getattr(options, name) < math.inf:
            raise ValueError(f"--{name.replace('_', '-')} must be a number above 0")
    weights = parse_mix(options.mix)
    requests = RequestOptions(
        texts_per_request=options.texts_per_request,
        top_k=options.top_k,
        context_words=_parse_range(options.context_words),
    )
    return Traffic(
        tasks=build_tasks(weights, requests),
        weights=weights,
        models=parse_models(options.variant, weights),
        rate_per_user=options.rate_per_user,
    )


def _parse_range(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    least, separator, most = text.partition(",")
    if not (separator and least.strip().isdecimal() and most.strip().isdecimal()):
        raise ValueError(f"--context-words takes the least and the most, as 80,250; got {text!r}")
    return int(least), int(most)


def _steps(text: str) -> str:
    try:
        parse_steps(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text
