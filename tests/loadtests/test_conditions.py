import subprocess

import pytest

from loadtests import conditions
from loadtests.conditions import describe_machine, git_commit, service_settings


def test_the_machine_is_described() -> None:
    described = describe_machine()
    assert all(described[name] for name in ("date", "processor", "cores", "locust", "commit"))


def test_the_commit_is_the_checkouts() -> None:
    head = subprocess.run(["git", "rev-parse", "HEAD"], check=False, capture_output=True, text=True)
    assert git_commit().split()[0] == (head.stdout.strip() or "unknown")


def test_without_git_the_commit_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert conditions.git_commit() == "unknown"


def test_settings_are_recorded_and_secrets_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISSRNN_ENGINE", "onnxruntime-int8")
    monkeypatch.setenv("ISSRNN_ADMIN_TOKEN", "hidden")
    assert service_settings().items() >= {
        ("ISSRNN_ENGINE", "onnxruntime-int8"),
        ("ISSRNN_ADMIN_TOKEN", "(set)"),
    }
