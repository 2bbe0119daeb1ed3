"""The users for the ``locust`` command, its web page and its workers.

Name the loop: ``locust -f loadtests/locustfile.py ClosedLoopUser`` (or ``OpenLoopUser``); add
``,loadtests/shapes.py`` after the file for a load that rises in steps.
"""

from __future__ import annotations

import argparse
from typing import Any

from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from loadtests.plan import parse_steps
from loadtests.users import ClosedLoopUser, OpenLoopUser, ScoreUser, Traffic

__all__ = ["ClosedLoopUser", "OpenLoopUser"]


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]  # Locust's events are
def add_options(parser: LocustArgumentParser) -> None:
    """Add what these users can be told; the web page shows it too."""
    group = parser.add_argument_group("score users")
    group.add_argument(
        "--variant",
        default="",
        env_var="LOADTEST_VARIANT",
        help="model to ask for, such as ptb-lstm-small-iss; empty: the service's traffic split",
    )
    group.add_argument("--texts-per-request", type=int, default=1)
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


@events.test_start.add_listener  # type: ignore[untyped-decorator]  # Locust's events are
def take_options(environment: Environment, **_kwargs: Any) -> None:
    """Give the users their traffic, as the command line or the web page says now."""
    options = environment.parsed_options
    if options is None:
        raise RuntimeError("this file runs under the locust command; in code use user_class")
    ScoreUser.traffic = Traffic(
        variant=options.variant or None,
        texts_per_request=options.texts_per_request,
        rate_per_user=options.rate_per_user,
    )


def _steps(text: str) -> str:
    try:
        parse_steps(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text
