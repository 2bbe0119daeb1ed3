"""One window of load: users come, warm up, are measured, and go."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import psutil
from locust.env import Environment

from loadtests.plan import Load, Plan
from loadtests.processor import processor_seconds
from loadtests.samples import Sample, Window
from loadtests.scenarios import Contender, Scenario
from loadtests.tasks import build_tasks
from loadtests.users import ServiceUser, Traffic, user_class

__all__ = ["measure", "users_asking"]


def measure(
    scenario: Scenario,
    contender: Contender,
    load: Load,
    number: int,
    plan: Plan,
    service: psutil.Process | None,
) -> Window:
    """Put one load on one contender.

    Args:
        scenario: What is sent.
        contender: The models asked for, and of which service.
        load: How many users, or arrivals a second.
        number: The round; with the plan's seed it fixes what is sent.
        plan: Durations and requests.
        service: That service's first process, if it runs here.

    Raises:
        RuntimeError: As `users_asking`.
        psutil.NoSuchProcess: If the service has ended.
    """
    closed = load.loop == "closed"
    traffic = Traffic(
        tasks=build_tasks(scenario.weights, plan),
        weights=scenario.weights,
        models=contender.models,
        rate_per_user=load.value,
        seed=plan.seed * 1000 + number,
    )
    users = user_class(load.loop, traffic, plan.timeout)
    count = int(load.value) if closed else 1
    stop_timeout = 2 * plan.timeout + _margin(load)
    with users_asking(contender.host, users, count, stop_timeout) as samples:
        gevent.sleep(plan.warm_up)
        begin, client, served = _now(service)
        gevent.sleep(plan.duration)
        end, client_end, served_end = _now(service)
    return Window(
        scenario.name,
        contender.name,
        load,
        number,
        begin,
        end,
        tuple(samples),
        (client_end - client) / (end - begin),
        (served_end - served) / (end - begin) if service else None,
    )


@contextmanager
def users_asking(
    host: str, users: type[ServiceUser], count: int, stop_timeout: float
) -> Iterator[list[Sample]]:
    """Let users ask as long as the block lasts.

    Args:
        host: Base URL of the service.
        users: What they do.
        count: How many.
        stop_timeout: Seconds that they may take to end.

    Yields:
        Their requests so far; all of them when the block has ended.

    Raises:
        RuntimeError: If a simulated user broke, which a load test must not pass over.
    """
    environment = Environment(user_classes=[users], host=host, stop_timeout=stop_timeout)
    samples: list[Sample] = []
    broken: list[BaseException] = []

    def keep_sample(context: dict[str, Any], **_kwargs: Any) -> None:
        samples.append(context["sample"])

    def keep_error(exception: BaseException, **_kwargs: Any) -> None:
        broken.append(exception)

    environment.events.request.add_listener(keep_sample)  # type: ignore[no-untyped-call]
    environment.events.user_error.add_listener(keep_error)  # type: ignore[no-untyped-call]
    runner = environment.create_local_runner()
    try:
        runner.start(count, spawn_rate=min(count, 100))
        if runner.spawning_greenlet is not None:
            runner.spawning_greenlet.join()
        yield samples
    except BaseException:
        environment.stop_timeout = 0.0
        raise
    finally:
        runner.quit()
    if broken:
        raise RuntimeError(f"a simulated user broke: {broken[0]!r}") from broken[0]


def _margin(load: Load) -> float:
    """Seconds that the last planned arrival of an open loop may still be away."""
    return 5.0 if load.loop == "closed" else 5.0 + 10.0 / load.value


def _now(service: psutil.Process | None) -> tuple[float, float, float]:
    """The time, and the processor time used so far by this process and by the service."""
    served = processor_seconds(service) if service else 0.0
    # this process's without its children's: the service may be one of them
    return time.perf_counter(), time.process_time(), served
