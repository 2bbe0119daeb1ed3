"""The command as its users run it: under load in a process of its own, which Locust patches."""

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from loadtests.record import read_record, write_record
from loadtests.report import markdown
from tests.loadtests.conftest import Run
from tests.loadtests.fake_service import fake_service, score_body
from tests.loadtests.test_report import record
from tests.waiting import wait_until

SHORT = ("--users", "1", "--rates", "--rounds", "1", "--duration", "0.3", "--warm-up", "0.1")


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "loadtests", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def run(*arguments: str) -> tuple[int, str, str]:
    process = start(*arguments)
    output, errors = process.communicate(timeout=50)
    return process.returncode, output, errors


def test_variants_are_compared_in_turn_at_each_load(tmp_path: Path) -> None:
    plan = ("--users", "2", "--rates", "40", "--rounds", "2", *SHORT[-4:])
    with fake_service(seconds={"tiny-dense": 0.02}) as (host, received):
        where = ("--host", host, "--service-pid", str(os.getpid()))
        code, output, errors = run("compare", *where, "--out", str(tmp_path), *plan)

    assert code == 0, errors
    result = read_record(tmp_path)
    assert result.complete
    assert [model["name"] for model in result.models] == ["tiny-dense", "tiny-iss"]
    assert [(row.loop, row.load, row.variant) for row in result.rows] == [
        ("closed", 2, "tiny-dense"),
        ("closed", 2, "tiny-iss"),
        ("open", 40, "tiny-dense"),
        ("open", 40, "tiny-iss"),
    ]
    assert all(row.requests > 0 and row.failed == 0 and row.rounds == 2 for row in result.rows)
    cores = [row.service_cpu for row in result.rows]
    # the fake service answers in this process, from which the load generator comes too
    assert all(used is not None and used > 0 for used in cores)
    assert {p.name for p in tmp_path.iterdir()} == {
        "record.json", "report.md", "table.csv", "load-score.png", "loadtest.log"
    }  # fmt: skip
    assert "### Against `tiny-dense`" in output
    assert "[8/8]" in errors

    order = [request["model"] for request in received]
    turns = [name for name, last in zip(order, [None, *order], strict=False) if name != last]
    assert turns == ["tiny-dense", "tiny-iss"] * 4


def test_services_are_compared_in_turn(tmp_path: Path) -> None:
    with (
        fake_service(("lm-iss",)) as (first, asked_first),
        fake_service(("lm-iss",)) as (second, asked_second),
    ):
        code, output, errors = run(
            "compare", "--host", first, second, "--out", str(tmp_path), *SHORT, "--rounds", "2"
        )  # fmt: skip

    assert code == 0, errors
    names = [f"lm-iss at {host}" for host in (first, second)]
    result = read_record(tmp_path)
    assert [row.variant for row in result.rows] == names
    assert [model["host"] for model in result.models] == [first, second]
    assert all(row.requests and not row.failed for row in result.rows)
    assert f"### Against `{names[0]}`" in output
    assert f"- `lm-iss`: host {second}" in output
    assert result.conditions["releases"] == {first: "unknown", second: "unknown"}
    at = sorted([(c["at"], 1) for c in asked_first] + [(c["at"], 2) for c in asked_second])
    assert [number for number, _ in itertools.groupby(who for _, who in at)] == [1, 2, 1, 2]


def test_requests_are_as_the_contract_says(tmp_path: Path) -> None:
    with fake_service(("only",)) as (host, received):
        code, _, errors = run(
            "compare", "--host", host, "--out", str(tmp_path), *SHORT, "--texts-per-request", "3"
        )

    assert code == 0, errors
    for request in received:
        assert request["model"] == "only"
        assert len(request["texts"]) == 3
        assert request["tokens"] is False
        assert request["headers"]["Content-Type"] == "application/json"
    assert len({request["headers"]["X-Session-ID"] for request in received}) == 1
    assert len({text for request in received for text in request["texts"]}) > 3


def test_every_task_that_is_served_is_compared_and_then_all_mixed(tmp_path: Path) -> None:
    readers = ("qa-dense", "qa-iss")
    with fake_service(readers=readers) as (host, received):
        code, output, errors = run(
            "compare", "--host", host, "--out", str(tmp_path), *SHORT,
            "--mix", "score=3,answer=1", "--top-k", "2", "--context-words", "600", "900",
        )  # fmt: skip

    assert code == 0, errors
    result = read_record(tmp_path)
    assert [scenario.name for scenario in result.scenarios] == ["score", "answer", "mix"]
    assert [model["name"] for model in result.models] == ["tiny-dense", "tiny-iss", *readers]
    pictures = ("load-score.png", "load-answer.png", "load-mix.png")
    assert all((tmp_path / name).exists() and f"({name})" in output for name in pictures)
    assert "## 3 /score to 1 /answer, mixed" in output

    questions = [request for request in received if request["path"] == "/answer"]
    assert {request["model"] for request in questions} == set(readers)
    assert all(len(request["context"].split()) >= 600 for request in questions)
    assert {request["top_k"] for request in questions} == {2}
    mixed = {row.task: row for row in result.rows if row.scenario == "mix"}
    assert set(mixed) == {"all", "score", "answer"}
    assert mixed["score"].requests + mixed["answer"].requests == mixed["all"].requests
    assert mixed["score"].requests > mixed["answer"].requests > 0


def test_every_contender_is_sent_the_same_in_the_same_order(tmp_path: Path) -> None:
    with fake_service((), readers=("qa-dense", "qa-iss")) as (host, received):
        code, _, errors = run(
            "compare", "--host", host, "--out", str(tmp_path), *SHORT, "--users", "3"
        )

    assert code == 0, errors
    dense, iss = (
        [request["question"] for request in received if request["model"] == name]
        for name in ("qa-dense", "qa-iss")
    )
    shared = min(len(dense), len(iss), 127) - 3  # the last ones may overtake each other
    assert shared > 20
    overtaken = set(dense[:shared]) - set(iss[: shared + 3])
    assert len(overtaken) < 3  # by the others of the three users, any number of times
    assert len(set(dense[:shared])) == shared


def test_a_stall_of_the_service_is_felt_by_all_arrivals_of_an_open_loop(tmp_path: Path) -> None:
    """What coordinated omission would hide: the closed loop's only user meets the stall once."""

    def stalls_most_of_every_second(request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        time.sleep(max(0.0, 0.8 - time.monotonic() % 1.0))
        return 200, score_body(request["model"])

    plan = ("--users", "1", "--rates", "60", "--rounds", "1", "--duration", "2", "--warm-up", "0")
    with fake_service(("only",), stalls_most_of_every_second) as (host, _):
        code, _, errors = run("compare", "--host", host, "--out", str(tmp_path), *plan)

    assert code == 0, errors
    closed, opened = read_record(tmp_path).rows
    assert closed.p50_ms is not None
    assert opened.p50_ms is not None
    assert closed.p50_ms < 150 < opened.p50_ms


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (500, {}, "HTTP 500"),
        (200, {"scores": []}, "0 scores for 1 texts"),
        (200, {}, "not the contract's answer: KeyError scores"),
    ],
)
def test_a_service_that_fails_fails_the_comparison(
    tmp_path: Path, status: int, body: dict[str, Any], problem: str
) -> None:
    with fake_service(("only",), lambda _: (status, body)) as (host, _):
        long_enough = ("--duration", "1.5")  # for a request also where the machine is busy
        code, _, errors = run(
            "compare", "--host", host, "--out", str(tmp_path), *SHORT, *long_enough
        )

    assert code == 1
    assert "/score, only, closed loop at 1: 100.0% of requests failed" in errors
    assert problem in errors
    assert read_record(tmp_path).complete


def test_an_interruption_leaves_what_was_measured(tmp_path: Path) -> None:
    with fake_service() as (host, _):
        process = start(
            "compare", "--host", host, "--out", str(tmp_path), *SHORT[2:], "--users", "1", "2",
            "--rounds", "500",
        )  # fmt: skip
        wait_until((tmp_path / "record.json").exists, "a record", seconds=30, process=process)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)

    assert process.returncode == 130, errors
    result = read_record(tmp_path)
    assert not result.complete
    assert result.rows
    assert "Interrupted" in output
    assert "Interrupted" in (tmp_path / "report.md").read_text()


def test_a_report_is_made_again_from_its_record(tmp_path: Path, run_here: Run) -> None:
    write_record(record(), tmp_path)

    code, output, errors = run("report", str(tmp_path))

    assert code == 0, errors
    assert output == markdown(record()) == (tmp_path / "report.md").read_text()
    again = run_here("report", str(tmp_path / "record.json"), "--out", str(tmp_path / "elsewhere"))
    assert again == (0, output, "")
    assert (tmp_path / "elsewhere" / "report.md").read_text() == output
    assert (tmp_path / "table.csv").exists()
    assert (tmp_path / "load-score.png").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--host", "http://127.0.0.1:1"), "http://127.0.0.1:1/models"),
        (
            ("--mix", "score"),
            "--mix takes weights above 0 such as score=1,answer=1,classify=1, got 'score'",
        ),
        (("--host", "HOST", "--task", "answer"), "no model to compare serves /answer"),
        (
            ("--host", "READER", "--context-words", "1", "9"),
            "--context-words 1 9: no passage has so many words; they have 39, 44,",
        ),
        (("--rounds", "0"), "--rounds must be a number above 0"),
        (("--models", "nowhere"), "--models nowhere is no folder"),
        (("--host", "HOST", "--variants", "tiny-gru"), "tiny-gru is not served; there are: tiny"),
        (("--host", "HOST", "--models", "here"), "--models is for a service started here"),
        (("--service-pid", "1"), "--service-pid is for a service that runs already"),
        (("--host", "HOST", "--service-pid", "4194305"), "process PID not found (pid=4194305)"),
        (("--host", "HOST", "--service-pid", "1", "1"), "has 2 processes for 1 services"),
        (("--host", "HOST", "HOST"), "--host names a service twice"),
    ],
)
def test_wrong_input_is_one_clear_line(
    tmp_path: Path, run_here: Run, arguments: tuple[str, ...], said: str
) -> None:
    with fake_service() as (host, _), fake_service((), readers=("qa-iss",)) as (reader, _):
        hosts = {"HOST": host, "READER": reader}
        given = [hosts.get(argument, argument) for argument in arguments]
        code, _, errors = run_here("compare", "--out", str(tmp_path), *given)

    assert code == 2
    assert said in errors
    assert "Traceback" not in errors
