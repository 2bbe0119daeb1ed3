"""Measures what more processes bring: the same load on one and on several, and the ratio.

``python deploy/measure_scale.py workers 1 2`` starts ``python -m service`` with so many workers;
``python deploy/measure_scale.py replicas 1 2`` starts ``deploy/ray/serve.yaml`` with so many
replicas on a local Ray (``--serve`` names its command, of an environment with ``ray[serve]`` and
what the service needs). Each is loaded by ``python -m loadtests compare``, which gets all arguments
after ``--``, in turn (1 2 1 2) for ``--repeats``; figures are medians over them, ratios are of
neighbours in time, with the smallest and the largest. Cores are those that all processes of the
service used under that load.
The folder ``--out`` keeps every load test's record and ``scale.json``; the table is printed.

The load generator runs on the same machine unless it is given other cores: on few cores it, the
service, and Ray's own processes share them, so that a ratio measured there is a lower bound.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

__all__ = [
    "machine",
    "main",
    "ray_config",
    "ready_processes",
    "recorded_settings",
    "running",
    "summarise",
    "table",
]

ROOT = Path(__file__).parents[1]
START_SECONDS = 180.0
STOP_SECONDS = 90.0
_SECRET = re.compile("(TOKEN|SECRET|KEYS?|PASSWORD)$")
FIGURES = ("throughput", "p50_ms", "p99_ms", "failed", "refused", "service_cpu")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["workers", "replicas"])
    parser.add_argument("counts", nargs="+", type=int, help="such as 1 2")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", default=None, help="folder (default: reports/scale-DATE)")
    parser.add_argument("--serve", default=shutil.which("serve"), help="Ray Serve's command")
    given = sys.argv[1:] if arguments is None else arguments
    split = given.index("--") if "--" in given else len(given)
    options, load = parser.parse_args(given[:split]), given[split + 1 :]
    if options.what == "replicas" and not options.serve:
        parser.error("there is no command 'serve': pip install 'ray[serve]', or name it: --serve")
    started = datetime.now(UTC)
    out = Path(options.out or f"reports/scale-{started:%Y-%m-%d-%H%M%S}")
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    models: list[str] = []
    conditions: dict[str, Any] = {}
    try:
        for repeat in range(options.repeats):
            for count in options.counts:
                folder = out / f"{options.what}-{count}-{repeat + 1}"
                with running(options.what, count, folder, options.serve) as (url, pid):
                    measured = _load(url, pid, folder, load)
                    more = {
                        "count": count,
                        "repeat": repeat,
                        "load_average_before": measured["conditions"]["load_average_before"],
                    }
                rows += [row | more for row in measured["rows"]]
                models = [f"{each['name']} ({each['engine']})" for each in measured["models"]]
                conditions = machine(measured["conditions"])
            record = {
                "date": started.isoformat(timespec="seconds"),
                "what": options.what,
                "repeats": repeat + 1,  # that are done: a later one may fail
                "load": load,
                "settings": recorded_settings(os.environ),
                "conditions": conditions,
                "models": models,
                "rows": rows,
            }
            (out / "scale.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    except (RuntimeError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(table(summarise(rows), options.what))
    return 0


def recorded_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The service's settings; the values of secrets are left out."""
    return {
        name: "(set)" if _SECRET.search(name) else value
        for name, value in sorted(environment.items())
        if name.startswith("ISSRNN_")
    }


def machine(conditions: Mapping[str, Any]) -> dict[str, Any]:
    """What a load test's record says of machine and versions, without what differs between them."""
    own = {"date", "command", "placement", "service_settings", "load_average_before"}
    return {name: value for name, value in conditions.items() if name not in own}


def summarise(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Medians over the repeats; ratios are to the smallest count in the same repeat.

    Args:
        rows: Of load tests' records, each with the ``count`` of processes and its ``repeat``.
    """
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        key = (row["scenario"], row["task"], row["variant"], row["loop"], row["load"], row["count"])
        groups.setdefault(key, []).append(row)
    first = min(row["count"] for row in rows)
    found = []
    for key, members in groups.items():
        median = {
            name: statistics.median(values)
            for name in FIGURES
            if (values := [row[name] for row in members if row[name] is not None])
        }
        alone = {row["repeat"]: row["throughput"] for row in groups.get((*key[:-1], first), [])}
        ratios = [
            row["throughput"] / alone[row["repeat"]] for row in members if alone.get(row["repeat"])
        ]
        found.append({"key": key[:-1], "count": key[-1], **median, "ratios": sorted(ratios)})
    return found


def table(rows: list[dict[str, Any]], what: str) -> str:
    """A Markdown table of `summarise`."""
    lines = [
        f"| task | variant | loop | load | {what} | answers/s | ratio | p50 ms | p99 ms | lost "
        "| cores |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in sorted(
        rows, key=lambda row: (*map(str, row["key"][:4]), row["key"][4], row["count"])
    ):
        scenario, task, variant, loop, load = row["key"]
        named = task if task == scenario else f"{scenario}: {task}"
        lines.append(
            f"| {named} | {variant} | {loop} | {load:g} | {row['count']} | {row['throughput']:.0f}"
            f" | {_ratio(row['ratios'])}"
            f" | {row.get('p50_ms', float('nan')):.1f} | {row.get('p99_ms', float('nan')):.1f}"
            f" | {row['refused'] + row['failed']:.1%} | {row['service_cpu']:.1f} |"
        )
    return "\n".join(lines) + "\n"


def _ratio(ratios: list[float]) -> str:
    """Median and range."""
    if not ratios:
        return "-"
    median = f"{statistics.median(ratios):.2f}x"
    return median if ratios[0] == ratios[-1] else f"{median} ({ratios[0]:.2f} to {ratios[-1]:.2f})"


def ray_config(replicas: int, port: int) -> dict[str, Any]:
    """``serve.yaml`` with a fixed number of replicas, on a port of this machine."""
    text = (ROOT / "deploy" / "ray" / "serve.yaml").read_text(encoding="utf-8")
    config: dict[str, Any] = yaml.safe_load(text)
    config["http_options"] |= {"host": "127.0.0.1", "port": port}
    for application in config["applications"]:
        for deployment in application["deployments"]:
            deployment.pop("autoscaling_config", None)
            deployment["num_replicas"] = replicas
    return config


def ready_processes(metrics: Callable[[], str]) -> int:
    """How many processes answer behind one address.

    Workers of one machine say it themselves; replicas of Ray each answer for themselves, and are
    told apart by when they started.

    Args:
        metrics: Asks for the Prometheus metrics.
    """
    starts = set()
    for _ in range(20):
        text = metrics()
        if workers := re.search(r"^issrnn_workers (\S+)$", text, re.MULTILINE):
            return int(float(workers[1]))
        starts |= set(re.findall(r"^process_start_time_seconds (\S+)$", text, re.MULTILINE))
    return len(starts)


@contextmanager
def running(what: str, count: int, folder: Path, serve: str) -> Iterator[tuple[str, int]]:
    """Start so many processes, wait until all answer, and stop them after use.

    Args:
        what: ``workers`` or ``replicas``.
        count: How many.
        folder: For their log.
        serve: Ray Serve's command.

    Yields:
        Their base URL, and the process that all of them come from.

    Raises:
        RuntimeError: If they are not ready in `START_SECONDS`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = os.environ | {"HOST": "127.0.0.1", "PORT": str(port)}
    if what == "workers":
        command = [sys.executable, "-m", "service"]
        environment |= {"ISSRNN_WORKERS": str(count)}
    else:
        config = folder / "serve.yaml"
        config.write_text(yaml.safe_dump(ray_config(count, port)), encoding="utf-8")
        command = [serve, "run", str(config.absolute())]
        environment |= {
            "PYTHONPATH": str(ROOT),
            "ISSRNN_MODELS_DIR": os.environ.get("ISSRNN_MODELS_DIR", str(ROOT / "models")),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_USAGE_STATS_ENABLED": "0",
        }
    log = folder / "service.log"
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(  # noqa: S603 - fixed, or the user's own command
            command, env=environment, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(process, url, count, log)
            yield url, process.pid
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, count: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS

    def metrics() -> str:
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as response:  # noqa: S310 - ours
            return str(response.read().decode())

    while process.poll() is None and time.monotonic() < deadline:
        try:
            if ready_processes(metrics) == count:
                return
        except OSError:
            pass
        time.sleep(0.5)
    tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise RuntimeError(f"{count} processes were not ready in {START_SECONDS:.0f} s:\n{tail}")


def _load(url: str, pid: int, folder: Path, arguments: list[str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "loadtests", "compare", "--out", str(folder)]
    service = ["--host", url, "--service-pid", str(pid)]
    done = subprocess.run([*command, *service, *arguments], check=False, cwd=ROOT)  # noqa: S603 - fixed
    path = folder / "record.json"
    if done.returncode not in (0, 1) or not path.is_file():
        raise RuntimeError(f"the load test ended with {done.returncode}; see {folder}")
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


if __name__ == "__main__":
    sys.exit(main())
