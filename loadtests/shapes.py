"""A load that rises in steps, for the ``locust`` command beside ``locustfile.py``.

``locust -f loadtests/locustfile.py,loadtests/shapes.py ClosedLoopUser --steps 1,2,4,8``
"""

from __future__ import annotations

import time

from locust import LoadTestShape

from loadtests.plan import parse_steps

__all__ = ["StepLoad"]


class StepLoad(LoadTestShape):
    """Holds each number of users for ``--step-seconds``, then goes on to the next, then stops."""

    def tick(self) -> tuple[int, float] | None:
        """Users and spawn rate now; None after the last step."""
        if self.runner is None or self.runner.environment.parsed_options is None:
            raise RuntimeError("StepLoad runs under the locust command, which sets its options")
        options = self.runner.environment.parsed_options
        steps = parse_steps(options.steps)
        step = int((time.perf_counter() - self.start_time) // options.step_seconds)
        if step >= len(steps):
            return None
        return steps[step], float(max(steps))
