"""The users under the ``locust`` command."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.loadtests.fake_service import fake_service

LOADTESTS = Path(__file__).parents[2] / "loadtests"


def locust(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "locust", "--headless", "--only-summary", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=50)


def test_the_load_rises_in_steps_and_stops() -> None:
    files = f"{LOADTESTS / 'locustfile.py'},{LOADTESTS / 'shapes.py'}"
    with fake_service(seconds={"tiny-iss": 0.02}) as (host, received):
        result = locust(
            "-f", files, "ClosedLoopUser", "--host", host, "--variant", "tiny-iss",
            "--steps", "1,3", "--step-seconds", "1.5",
        )  # fmt: skip

    assert result.returncode == 0, result.stderr
    assert {request["model"] for request in received} == {"tiny-iss"}
    first_step = {
        r["headers"]["X-Session-ID"] for r in received if r["at"] < received[0]["at"] + 0.8
    }
    assert len(first_step) == 1
    assert len({request["headers"]["X-Session-ID"] for request in received}) == 3
    assert "/score tiny-iss" in result.stderr


def test_arrivals_are_new_visitors_and_the_service_may_choose_the_model() -> None:
    with fake_service() as (host, received):
        result = locust(
            "-f", str(LOADTESTS / "locustfile.py"), "OpenLoopUser", "--host", host,
            "--users", "5", "--spawn-rate", "5", "--rate-per-user", "10", "--run-time", "2s",
        )  # fmt: skip

    assert result.returncode == 0, result.stderr
    assert {request["model"] for request in received} == {None}
    assert len({request["headers"]["X-Session-ID"] for request in received}) == len(received)
    assert 50 < len(received) < 150


@pytest.mark.parametrize("steps", ["1,x", "0"])
def test_wrong_steps_are_refused_before_the_test(steps: str) -> None:
    result = locust("-f", str(LOADTESTS / "locustfile.py"), "--steps", steps)
    assert result.returncode != 0
    assert "--steps takes numbers of users" in result.stderr
