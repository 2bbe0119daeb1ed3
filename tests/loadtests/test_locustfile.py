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


def test_tasks_are_asked_as_often_as_the_mix_says() -> None:
    with fake_service(readers=("qa-iss",)) as (host, received):
        result = locust(
            "-f", str(LOADTESTS / "locustfile.py"), "ClosedLoopUser", "--host", host,
            "--run-time", "2s", "--mix", "score=1,answer=3", "--variant",
            "score=tiny-iss,answer=qa-iss", "--top-k", "2", "--context-words", "30,60",
        )  # fmt: skip

    assert result.returncode == 0, result.stderr
    assert {(r["path"], r["model"]) for r in received} == {
        ("/score", "tiny-iss"),
        ("/answer", "qa-iss"),
    }
    questions = [request for request in received if request["path"] == "/answer"]
    assert len(questions) > len(received) / 2
    assert {request["top_k"] for request in questions} == {2}
    assert max(len(request["context"].split()) for request in questions) <= 60
    assert "/answer qa-iss" in result.stderr
    assert "Aggregated" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--mix", "score"), "--mix takes weights above 0"),
        (("--variant", "answer=qa-iss"), "--variant takes the tasks' models as score=NAME"),
        (("--top-k", "0"), "--top-k must be a number of 1 or more"),
        (("--context-words", "80"), "--context-words takes the least and the most"),
        (("--mix", "answer=1", "--context-words", "1,9"), "--context-words 1 9: no passage"),
    ],
)
def test_wrong_options_are_one_clear_line(arguments: tuple[str, ...], said: str) -> None:
    result = locust("-f", str(LOADTESTS / "locustfile.py"), "--host", "http://h", *arguments)
    assert result.returncode == 1
    assert f"locust: error: {said}" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf"])
@pytest.mark.parametrize("option", ["--rate-per-user", "--step-seconds"])
def test_a_rate_and_a_length_are_numbers_above_0(
    option: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")
    from locust.argument_parser import get_parser  # noqa: PLC0415 - Locust patches what it finds
    from locust.env import Environment  # noqa: PLC0415

    from loadtests.locustfile import check_options  # noqa: PLC0415

    options = get_parser(default_config_files=[]).parse_args([f"{option}={value}"])
    with pytest.raises(SystemExit, match=f"error: {option} must be a number above 0"):
        check_options(Environment(parsed_options=options))
