"""README.md tells the truth: its commands exist, its code runs, its curl answers are the service's.

- ``sh`` blocks: every ``make`` target and every ``python -m`` command line exists;
- ``python`` blocks: run as they stand; a ``text`` block that follows is what they print;
- ``console`` blocks: curl commands, run against a service with the shipped models; the JSON below
  each is what it answers, but for times and ids.
"""

import contextlib
import io
import json
import math
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.settings import Settings
from tests.service.running import running_service
from training.cli import main as training_main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [
    (match["language"], match["body"])
    for match in re.finditer(r"^```(?P<language>\w+)\n(?P<body>.*?)^```$", README, re.S | re.M)
]
VOLATILE = {"timing_ms", "latency_ms", "id", "created"}


def blocks(language: str) -> list[str]:
    return [body for found, body in BLOCKS if found == language]


def commands(block: str) -> list[str]:
    """The commands of a shell block, continuation lines joined, comments left out."""
    joined = block.replace("\\\n", " ")
    lines = (line.partition(" #")[0].strip() for line in joined.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


SHELL_COMMANDS = [command for block in blocks("sh") for command in commands(block)]


def test_there_is_something_to_test() -> None:
    assert SHELL_COMMANDS
    assert blocks("python")
    assert blocks("console")


@pytest.mark.parametrize("command", SHELL_COMMANDS)
def test_commands_exist(command: str) -> None:
    words = [word for word in shlex.split(command) if "=" not in word or word.startswith("-")]
    program = Path(words[0]).name
    if program == "make":
        subprocess.run(["make", "--dry-run", *words[1:]], cwd=ROOT, check=True, capture_output=True)
    elif program == "python" and words[1:3] == ["-m", "training"]:
        with pytest.raises(SystemExit) as stopped, contextlib.redirect_stdout(io.StringIO()):
            training_main([*words[3:4], "--help"])
        assert stopped.value.code == 0
    elif program == "python" and words[1] == "-m":
        subprocess.run(
            [sys.executable, "-m", *words[2:4], "--help"], cwd=ROOT, check=True, capture_output=True
        )
    else:
        assert program in {"git", "cd", "docker"}, f"the README names {program}"


def test_python_blocks_run_and_print_what_they_say() -> None:
    for (language, body), following in zip(BLOCKS, [*BLOCKS[1:], ("", "")], strict=True):
        if language == "python":
            environment = os.environ | {"OMP_NUM_THREADS": "1"}
            ran = subprocess.run(
                [sys.executable, "-c", body],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert ran.returncode == 0, ran.stderr
            if following[0] == "text":
                assert_similar(ran.stdout, following[1])


def assert_similar(actual: str, expected: str) -> None:
    """The same words, and numbers to 30 %: training on another processor rounds differently."""
    assert len(actual.split()) == len(expected.split()), actual
    for ours, printed in zip(actual.split(), expected.split(), strict=True):
        if re.fullmatch(r"[\d,.]+x?", printed):
            numbers = [float(text.rstrip("x").replace(",", "")) for text in (ours, printed)]
            assert math.isclose(*numbers, rel_tol=0.3), actual
        else:
            assert ours == printed, actual


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """The address of a service with the shipped models."""
    settings = Settings(models_dir=ROOT / "models", port=0, pin_threads=False)
    with running_service(settings) as client:
        yield str(client.base_url).rstrip("/")


def examples() -> list[tuple[str, str]]:
    """(command, printed answer) of every ``$ curl`` in a console block."""
    found = []
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            lines = part.splitlines()
            end = next(i for i in range(1, len(lines) + 1) if is_complete("\n".join(lines[:i])))
            found.append(("\n".join(lines[:end]), "\n".join(lines[end:]).strip()))
    return found


def is_complete(command: str) -> bool:
    """Whether the shell would run this, rather than wait for another line."""
    try:
        shlex.split(command)
    except ValueError:  # an open quotation
        return False
    return not command.endswith("\\")


@pytest.mark.parametrize(("command", "printed"), examples())
def test_curl_examples_are_real(service: str, command: str, printed: str) -> None:
    command = command.replace("http://127.0.0.1:8000", service)
    answer = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    if printed.startswith(("{", "[")):
        assert_same(json.loads(answer), json.loads(printed))
    else:
        assert printed in answer


def assert_same(actual: object, expected: object, path: str = "$") -> None:
    """The same JSON; numbers to 0.2 %, volatile fields only present."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        assert actual.keys() == expected.keys(), path
        for key in expected.keys() - VOLATILE:
            assert_same(actual[key], expected[key], f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(actual, list):
        assert len(actual) == len(expected), path
        for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
            assert_same(a, e, f"{path}[{i}]")
    elif isinstance(expected, float) and isinstance(actual, int | float):
        assert math.isclose(actual, expected, rel_tol=2e-3, abs_tol=1e-6), path
    else:
        assert actual == expected, path
