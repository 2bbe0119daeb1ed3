"""What surrounds a run: allocator settings, signals, threads, device."""

import os
import signal
import subprocess
import sys

import pytest
import torch

from training.allocator import SETTINGS, missing_settings
from training.errors import ConfigError
from training.machine import choose_device, git_commit, physical_cores, set_threads
from training.stopping import stop_requests


def test_allocator_settings_are_added_once_and_never_over_the_users_choice() -> None:
    assert missing_settings({}) in ({}, dict(SETTINGS))  # none of it where libc is not glibc
    assert missing_settings(dict(SETTINGS)) == {}
    assert missing_settings({"LD_PRELOAD": "libjemalloc.so"}) == {}
    assert missing_settings({"MALLOC_ARENA_MAX": "2"}) == {}


def test_the_process_restarts_with_its_arguments_and_settings() -> None:
    probe = (
        "import os, sys; from training.allocator import restart_with_settings as r; r(); "
        "print(os.environ['MALLOC_MMAP_MAX_'], sys.argv[1:])"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    if not missing_settings(environment):
        pytest.skip("this system's allocator has no such settings")
    result = subprocess.run(
        [sys.executable, "-c", probe, "a b", "c"],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert result.stdout == "0 ['a b', 'c']\n"


def test_ctrl_c_during_the_imports_shows_no_trace() -> None:
    # A module that stands in the way of torch, and interrupts whoever imports it.
    probe = (
        "import runpy, signal, sys; from importlib.abc import MetaPathFinder as Finder\n"
        "class Interrupting(Finder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'torch': signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "runpy.run_module('training', run_name='__main__')"
    )
    result = subprocess.run(
        [sys.executable, "-c", probe],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **SETTINGS},
    )
    assert (result.returncode, result.stderr) == (-signal.SIGINT, "")


def test_the_first_signal_is_a_request_and_handlers_come_back() -> None:
    former = signal.getsignal(signal.SIGTERM)
    with stop_requests() as stop:
        signal.raise_signal(signal.SIGTERM)
        assert stop.signal_number == signal.SIGTERM
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) == former


def test_a_signal_that_is_ignored_stays_so() -> None:
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell starts a script's `job &`
    try:
        with stop_requests() as stop:
            signal.raise_signal(signal.SIGINT)
            assert stop.signal_number is None
            signal.raise_signal(signal.SIGTERM)
            assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, former)


def test_threads_are_what_was_asked_for() -> None:
    assert set_threads(1) == torch.get_num_threads() == 1
    assert 1 <= physical_cores() <= (os.cpu_count() or 1)


def test_a_device_that_is_not_there_is_refused() -> None:
    assert choose_device("cpu").type == "cpu"
    with pytest.raises(ConfigError, match="--device gpu: no such device"):
        choose_device("gpu")
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="sees no CUDA"):
            choose_device("cuda")


@pytest.mark.parametrize("name", ["mps", "meta", "xpu:0"])
def test_a_device_that_nothing_trains_on_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"--device {name}: .*use cpu or cuda"):
        choose_device(name)


def test_the_gpu_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda").type == "cuda"
    assert choose_device("cuda:1").index == 1
    with pytest.raises(ConfigError, match=r"--device cuda:2: .*use cuda:0 to cuda:1"):
        choose_device("cuda:2")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ConfigError, match=r"--device cuda:1: .*use cuda:0"):
        choose_device("cuda:1")


def test_the_commit_is_a_hash_or_unknown() -> None:
    commit = git_commit().removesuffix("-dirty")
    assert commit == "unknown" or len(commit) == 40
