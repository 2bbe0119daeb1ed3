"""Several worker processes: real ones, on a real port."""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

import service.registry
from service.settings import Settings
from service.workers import _listening
from tests.waiting import wait_until

SCORE = {"texts": ["The stock rose."], "tokens": False}


@contextmanager
def workers(count: int, models: Path, log: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "HOST": "127.0.0.1", "PORT": str(port), "ISSRNN_MODELS_DIR": str(models),
        "ISSRNN_WORKERS": str(count), "ISSRNN_DRAIN_SECONDS": "0.2", "ISSRNN_ADMIN_TOKEN": "secret",
    }  # fmt: skip
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "service"], env=environment, stdout=output, stderr=output
        )
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def metric(url: str, name: str) -> float:
    """The sum over all label sets."""
    text = httpx.get(f"{url}/metrics", timeout=30).text
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.M))


def wait_for(condition: str, url: str, count: int, process: subprocess.Popen[bytes]) -> None:
    def as_many_count() -> bool:
        with suppress(httpx.TransportError):
            return metric(url, "issrnn_workers") == count
        return False

    wait_until(as_many_count, condition, process=process)


def wait_for_log(message: str, log: Path) -> None:
    wait_until(lambda: message in log.read_text(), message)


def started_workers(log: Path) -> set[int]:
    return {int(pid) for pid in re.findall(r"Started server process \[(\d+)\]", log.read_text())}


@contextmanager
def asked_meanwhile(url: str) -> Iterator[list[int]]:
    """The statuses of one request after the other."""
    statuses: list[int] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            statuses.append(httpx.post(f"{url}/score", json=SCORE, timeout=30).status_code)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    yield statuses
    done.set()
    asking.join()


def test_workers_share_a_port_are_replaced_and_drain(models_dir: Path, tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    models = shutil.copytree(models_dir, tmp_path / "models")
    weights = models / "tiny-iss" / "model.safetensors"
    with workers(2, models, log) as (process, url):
        wait_for("both start", url, 2, process)
        first = started_workers(log)
        assert len(first) == 2

        for _ in range(20):  # a connection each, so that either may answer
            assert httpx.post(f"{url}/score", json=SCORE).status_code == 200
        assert metric(url, "issrnn_requests_total") >= 20
        assert metric(url, "issrnn_request_seconds_count") >= 20
        assert metric(url, 'issrnn_model_ready{engine="onnxruntime-fp32",model="tiny-iss".*}') == 1
        assert metric(url, "process_resident_memory_bytes") > 0
        assert metric(url, "issrnn_build_info{.*}") == 1, "not one for each worker"

        refused = httpx.post(
            f"{url}/models/tiny-iss/reload", headers={"Authorization": "Bearer secret"}
        )
        assert refused.status_code == 409
        assert "SIGHUP" in refused.json()["detail"]

        killed = min(first)
        os.kill(killed, signal.SIGSTOP)
        time.sleep(2)  # the supervisor, which looks every half second, now awaits an answer
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: len(started_workers(log)) >= 3, "a worker in the killed one's place")
        wait_for("the new worker counts, the killed one does not", url, 2, process)
        assert metric(url, "issrnn_requests_total") >= 20, "what the killed one counted is kept"

        good = weights.read_bytes()
        weights.write_bytes(good[:-1])
        process.send_signal(signal.SIGHUP)
        wait_for_log("it would replace a worker, and cannot serve tiny-iss", log)
        wait_for_log("workers stay as they are", log)
        weights.write_bytes(good)
        assert len(started_workers(log)) == 4
        wait_for("the refused worker is not counted", url, 2, process)
        assert httpx.post(f"{url}/score", json=SCORE | {"model": "tiny-iss"}).status_code == 200

        with asked_meanwhile(url) as statuses:
            process.send_signal(signal.SIGHUP)
            wait_until(lambda: len(started_workers(log)) >= 6, "SIGHUP replaces all workers")
            wait_for("the former workers have gone", url, 2, process)
        assert set(statuses) == {200}

        process.send_signal(signal.SIGHUP)
        time.sleep(1)  # a first successor is starting
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert len(started_workers(log)) <= 7, "it was told to stop, and replaced all workers"
    assert log.read_text().count('"draining"') >= 4


def test_connections_of_workers_send_at_once() -> None:
    """Without TCP_NODELAY, every answer waits for the client's delayed acknowledgement."""

    async def no_delay() -> int:
        options: asyncio.Queue[int] = asyncio.Queue()

        def accepted(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = writer.get_extra_info("socket")
            options.put_nowait(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        shared = _listening("127.0.0.1", 0)
        async with await asyncio.start_server(accepted, sock=shared):
            _, writer = await asyncio.open_connection(*shared.getsockname())
            writer.close()
            return await options.get()

    assert asyncio.run(no_delay()) == 1


def test_a_port_in_use_is_named(caplog: pytest.LogCaptureFixture) -> None:
    with _listening("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit) as ended:
            _listening("127.0.0.1", port)
    assert ended.value.code == 3
    assert f"port {port}" in caplog.text


@pytest.mark.parametrize(("workers", "threads", "bound"), [(1, 2, True), (2, 1, False)])
def test_workers_share_the_cores_and_bind_themselves_to_none(
    workers: int, threads: int, bound: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.registry, "available_cores", lambda: (0, 1, 2, 3))
    monkeypatch.setattr(service.registry, "cpu_quota", lambda: None)
    settings = Settings(models_dir=tmp_path, workers=workers)
    for placement in service.registry._place(settings, ("dense", "iss")).values():
        assert placement.threads == threads
        assert bool(placement.cores) is bound


def test_models_that_outnumber_the_cores_are_bound_to_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.registry, "available_cores", lambda: (0, 1))
    monkeypatch.setattr(service.registry, "cpu_quota", lambda: None)
    placements = service.registry._place(Settings(models_dir=tmp_path), ("a", "b", "c"))
    assert {placement.cores for placement in placements.values()} == {()}


@pytest.mark.parametrize("workers", ["0", "two"])
def test_a_wrong_number_of_workers_is_refused(workers: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "service"], env=os.environ | {"ISSRNN_WORKERS": workers},
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("ISSRNN_WORKERS: ")
