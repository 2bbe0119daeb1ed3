"""The machine and the process: threads, and what a record says of both."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import subprocess
import sys
from pathlib import Path

import torch

from training.errors import ConfigError

__all__ = [
    "choose_device",
    "describe_machine",
    "git_commit",
    "peak_memory_bytes",
    "physical_cores",
    "reset_peak_memory",
    "set_threads",
]


def physical_cores() -> int:
    """Cores this process may run on, two hardware threads of one core counted once."""
    cores = set()
    for cpu in _allowed_cpus():
        siblings = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        try:
            cores.add(siblings.read_text(encoding="ascii").strip())
        except OSError:
            cores.add(str(cpu))
    return max(1, len(cores))


def set_threads(threads: int | None) -> int:
    """Fix the number of threads of torch's operations, and flush subnormal numbers to zero.

    Regularisation drives weights through the subnormal range, where processors are many times
    slower (pytorch/pytorch#46180).

    Args:
        threads: None takes the physical cores, shared with the other processes that ``torchrun``
            started on this machine.

    Returns:
        The number in force.
    """
    processes_here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    torch.set_num_threads(threads or max(1, physical_cores() // processes_here))
    torch.set_flush_denormal(True)
    return torch.get_num_threads()


def choose_device(name: str) -> torch.device:
    """The device of this name.

    Raises:
        ConfigError: If it is neither a CPU nor a CUDA GPU, or not there.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"--device {name}: no such device; use cpu or cuda") from error
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"--device {name}: nothing trains on that; use cpu or cuda")
    if device.type == "cuda":
        _check_there(name, device.index or 0)
    return device


def describe_machine(device: torch.device) -> str:
    """Processor, cores in use and operating system, in one line."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, {platform.system()}"
    cores = f"{physical_cores()} cores, threads: {torch.get_num_threads()}"
    return f"{_processor()}, {cores}, {platform.system()}"


def reset_peak_memory() -> None:
    """Let `peak_memory_bytes` count from now on, where the system can (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_memory_bytes() -> int:
    """The most memory that this process has had resident, since its start or the last reset."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak  # in KiB but there


def git_commit() -> str:
    """Commit of this checkout, with ``-dirty`` if the code that trains differs from it."""
    root = Path(__file__).resolve().parent.parent
    try:
        commit = _git(root, "rev-parse", "HEAD")
        changes = _git(root, "status", "--porcelain", "--", "issrnn", "training")
        return commit + ("-dirty" if changes else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _check_there(name: str, gpu: int) -> None:
    if not torch.cuda.is_available():
        raise ConfigError(f"--device {name}: this torch sees no CUDA GPU; use cpu")
    count = torch.cuda.device_count()
    if gpu >= count:
        there = "cuda:0" if count == 1 else f"cuda:0 to cuda:{count - 1}"
        raise ConfigError(f"--device {name}: there is no such GPU; use {there}")


def _git(root: Path, *arguments: str) -> str:
    result = subprocess.run(  # noqa: S603 - fixed arguments
        ["git", "-C", str(root), *arguments],  # noqa: S607 - git is looked up as usual
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.strip()


def _allowed_cpus() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
