"""Locust users that post real requests to the service, in a closed and in an open loop.

Closed loop: a fixed number of users, each of which sends its next request as soon as its last is
answered; a slow service is asked less often. Open loop: requests arrive at a given mean rate
(Poisson), however long the answers take, as from the public. Locust's ``constant_throughput`` is
not an open loop: its users wait for their answers, so that a stall delays the arrivals behind it
and most of its cost is left out of the latencies ("coordinated omission",
https://www.scylladb.com/2021/04/22/on-coordinated-omission/). Here every arrival has its planned
time and its own greenlet, and its latency counts from the planned time.
"""

from __future__ import annotations

import itertools
import json
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import ClassVar

import gevent
from gevent import Greenlet
from gevent.pool import Group
from locust import FastHttpUser, task

from loadtests.http import key_header
from loadtests.plan import Loop
from loadtests.replies import read_reply
from loadtests.samples import Sample
from loadtests.tasks import Call, Task, TaskName

__all__ = ["ClosedLoopUser", "OpenLoopUser", "ServiceUser", "Traffic", "user_class"]


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What users send."""

    tasks: Mapping[TaskName, Task]
    """Where requests come from."""
    weights: Mapping[TaskName, float]
    """How often each of these tasks is asked, against the others."""
    models: Mapping[TaskName, str] = field(default_factory=dict)
    """Model asked for; a task without one leaves the choice to the service's traffic split."""
    rate_per_user: float = 1.0
    """Mean arrivals a second of one open-loop user."""
    seed: int | None = None
    """Fixes what is sent, in which order, and when it arrives; None: another draw every time."""
    _users: Iterator[int] = field(default_factory=itertools.count)

    @cached_property
    def content(self) -> Random:
        """The random source of what is sent, one for all users."""
        return Random() if self.seed is None else Random(f"{self.seed}/content")

    def arrivals(self) -> Random:
        """The random source of the next user's arrival times."""
        return Random() if self.seed is None else Random(f"{self.seed}/{next(self._users)}")

    def draw(self) -> Call:
        """The next request, whichever user sends it."""
        (name,) = self.content.choices(list(self.weights), list(self.weights.values()))
        return self.tasks[name].draw(self.content)


class ServiceUser(FastHttpUser):
    """Posts requests and checks the answers."""

    abstract = True
    traffic: ClassVar[Traffic]
    network_timeout = 30.0
    connection_timeout = 30.0

    def on_start(self) -> None:
        """Take a session of its own."""
        self.session_id = str(uuid.uuid4())

    def ask(self, intended: float, session_id: str) -> None:
        """Post once and report the answer, its time counted from ``intended``."""
        call = self.traffic.draw()
        model = self.traffic.models.get(call.task)
        sent = time.perf_counter()
        with self.client.post(
            call.path,
            data=json.dumps(call.body | {"model": model}),
            headers={
                "Content-Type": "application/json",
                "X-Session-ID": session_id,
                **key_header(),
            },
            catch_response=True,
        ) as response:
            finished = time.perf_counter()
            answered_by = response.headers.get("X-Model") if response.headers else None
            reply = read_reply(response.status_code, answered_by, response.content, model, call)
            response.request_meta["name"] = f"{call.path} {model or answered_by or 'unanswered'}"
            response.request_meta["response_time"] = (finished - intended) * 1000
            sample = Sample(call.task, intended, sent, finished, reply)
            response.request_meta["context"] = {"sample": sample}
            if reply.outcome == "ok":
                response.success()
            else:
                response.failure(reply.problem)


class ClosedLoopUser(ServiceUser):
    """Sends its next request as soon as its last one is answered."""

    @task
    def ask_once(self) -> None:
        """Post and wait for the answer."""
        self.ask(time.perf_counter(), self.session_id)


class OpenLoopUser(ServiceUser):
    """A source of Poisson arrivals, each a visitor with a session of its own.

    ``n`` such users at rate ``r`` are together one Poisson source at rate ``n r``.
    """

    concurrency = 1000
    """Connections; an arrival beyond them waits for a free one, and its wait counts."""

    def on_start(self) -> None:
        """Plan from now on."""
        super().on_start()
        self.arrivals = self.traffic.arrivals()
        self.planned = time.perf_counter()
        self.visitors = Group()

    @task
    def arrive(self) -> None:
        """Wait for the next planned arrival and let it go its own way."""
        self.planned += self.arrivals.expovariate(self.traffic.rate_per_user)
        _sleep_until(self.planned)
        visitor = self.visitors.spawn(self.ask, self.planned, str(uuid.uuid4()))
        visitor.link_exception(self._report_error)

    def on_stop(self) -> None:
        """Let the visitors that came have their answers."""
        self.visitors.join(timeout=self.network_timeout + self.connection_timeout)

    def _report_error(self, visitor: Greenlet[..., None]) -> None:
        error = visitor.exception
        self.environment.events.user_error.fire(
            user_instance=self, exception=error, tb=error.__traceback__ if error else None
        )


def _sleep_until(moment: float) -> None:
    """Sleep to the point: gevent's timers are up to a millisecond late, so the last one is polled.

    Other greenlets go on meanwhile, so that what is polled away is spare time of this core.
    """
    gevent.sleep(max(0.0, moment - time.perf_counter() - 0.001))
    while time.perf_counter() < moment:
        gevent.sleep(0)


def user_class(loop: Loop, traffic: Traffic, timeout: float) -> type[ServiceUser]:
    """A user class with this traffic, which gives an answer ``timeout`` seconds."""
    base = ClosedLoopUser if loop == "closed" else OpenLoopUser
    members = {"traffic": traffic, "network_timeout": timeout, "connection_timeout": timeout}
    return type(base.__name__, (base,), members)
