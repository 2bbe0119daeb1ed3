"""Checks the monitoring against a running service with a real Prometheus.

``python deploy/check_monitoring.py --service http://127.0.0.1:8000``

Checks configuration and alert rules with promtool and runs the rules' tests; then starts
Prometheus with ``deploy/prometheus/prometheus.yml`` (its target replaced by the service given),
sends some traffic, asks Prometheus every query of every Grafana dashboard, each of which must give
numbers, and has it evaluate every alert rule. With ``--watch`` it sends nothing, and asks after
``--seconds`` of whatever else loads the service. ``--record`` keeps what Prometheus answered.
Exits with 0, with 1 and a line for each query without data, or with 77 where Prometheus is not
installed (Debian: ``apt-get install prometheus``).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["dashboard_queries", "fill_in", "main"]

DEPLOY = Path(__file__).parent
NOT_INSTALLED = 77
VARIABLES = {"$__rate_interval": "10s", "$model": ".+", "$endpoint": "/(score|answer|classify)"}
"""What Grafana would put in, at the scrape interval used here."""
BODIES: dict[str, dict[str, Any]] = {
    "score": {
        "texts": ["Prices rose for the third month in a row.", "Nobody expected a zxqv recovery."],
        "tokens": False,
    },
    "answer": {
        "question": "What rose for the third month?",
        "context": "Prices rose for the third month in a row, and nobody expected them to fall.",
    },
    "classify": {"texts": ["A warm and funny film.", "Two hours of zxqv."]},
}
"""A request of each task."""
FAMILY = re.compile(r"(.+?)-(?:dense|iss|set|direct|l1)(?:-.*)?")
"""Names of models that the dashboard compares: what precedes the variant is the same."""

NEEDED = {
    "issrnn_scored_tokens": "score",
    "issrnn_answered_questions": "answer",
    "issrnn_classified": "classify",
    'variant!="dense"': "compare",
}
"""What a service must serve to give numbers for a query that holds this; `compare`: a model's
dense and another variant."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--service", default="http://127.0.0.1:8000", help="its base URL")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long to send traffic")
    parser.add_argument("--watch", action="store_true", help="send none: wait for that long")
    parser.add_argument("--record", type=Path, help="also write all answers as JSON")
    options = parser.parse_args(arguments)
    missing = [tool for tool in ("prometheus", "promtool") if shutil.which(tool) is None]
    if missing:
        sys.stderr.write(f"skipped: {missing[0]} is not installed (apt-get install prometheus)\n")
        return NOT_INSTALLED
    try:
        _promtool("check", "config", DEPLOY / "prometheus" / "prometheus.yml")
        _promtool("test", "rules", DEPLOY / "prometheus" / "alerts_test.yml")
        models = _ready_models(options.service)
        conditions = _conditions(models, options.seconds)
        with _prometheus(options.service) as prometheus:
            _wait_until_scraped(prometheus, options.service)
            if options.watch:
                time.sleep(options.seconds)
            else:
                _send_traffic(options.service, models, options.seconds)
            queries = _ask_queries(prometheus, _served(models))
            alerts = _evaluated_alerts(prometheus)
    except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    good = all([_tell_queries(queries), _tell_alerts(alerts)])
    if options.record is not None:
        record = conditions | {"watched": options.watch, "queries": queries, "alerts": alerts}
        try:
            options.record.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            sys.stderr.write(f"cannot write {options.record}: {error.strerror}\n")
            return 1
    return 0 if good else 1


def _conditions(models: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """Of the record: when, where, on what and with which Prometheus."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "prometheus": _tool("prometheus", "--version").splitlines()[0],
        "commit": _tool("git", "-C", str(DEPLOY), "rev-parse", "HEAD").strip(),
        "models": [f"{model['name']} ({model['engine']})" for model in models],
        "seconds": seconds,
    }


def dashboard_queries(folder: Path = DEPLOY / "grafana" / "dashboards") -> list[tuple[str, str]]:
    """Title of the panel and query, of every dashboard."""
    found = []
    for path in sorted(folder.glob("*.json")):
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        for panel in dashboard["panels"]:
            targets = panel.get("targets", [])
            found += [(f"{path.stem}: {panel['title']}", target["expr"]) for target in targets]
    return found


def fill_in(query: str) -> str:
    """Put values in the place of Grafana's variables."""
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    return query


def _ask_queries(prometheus: str, served: set[str]) -> list[dict[str, Any]]:
    """Title, query and numbers of every query of the dashboards; no numbers if it was not asked."""
    found: list[dict[str, Any]] = []
    for title, query in dashboard_queries():
        lacking = [need for part, need in NEEDED.items() if part in query and need not in served]
        if lacking:
            found.append({"title": title, "query": query, "numbers": None, "lacking": lacking[0]})
            continue
        filled = urllib.parse.quote(fill_in(query))
        result = _get(f"{prometheus}/api/v1/query?query={filled}")["data"]["result"]
        numbers = [
            {"labels": series["metric"], "value": value}
            for series in result
            if math.isfinite(value := float(series["value"][1]))
        ]
        found.append({"title": title, "query": query, "numbers": numbers})
    return found


def _tell_queries(queries: list[dict[str, Any]]) -> bool:
    """Print what each gave; whether all that were asked gave something."""
    asked = [each for each in queries if each["numbers"] is not None]
    for each in queries:
        if each["numbers"] is None:
            shown = f"not asked, no model to {each['lacking']}"
        else:
            values = [f"{number['value']:.4g}" for number in each["numbers"]]
            shown = ", ".join(values) or f"NO DATA\n    {each['query']}"
        sys.stdout.write(f"{each['title']}: {shown}\n")
    full = [each for each in asked if each["numbers"]]
    sys.stdout.write(f"{len(full)} of {len(asked)} queries give data\n")
    return len(full) == len(asked)


def _evaluated_alerts(prometheus: str) -> list[dict[str, str]]:
    """Name, state and health of every rule, once all have been evaluated."""
    deadline = time.monotonic() + 30
    while True:
        groups = _get(f"{prometheus}/api/v1/rules")["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        if all(rule["health"] != "unknown" for rule in rules) or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    told = ("name", "state", "health", "lastError")
    return [{key: rule[key] for key in told if key in rule} for rule in rules]


def _tell_alerts(alerts: list[dict[str, str]]) -> bool:
    """Print each; whether all were evaluated."""
    for rule in alerts:
        sys.stdout.write(f"alert {rule['name']}: {rule['state']} {rule.get('lastError', '')}\n")
    good = [rule for rule in alerts if rule["health"] == "ok"]
    sys.stdout.write(f"{len(good)} of {len(alerts)} alert rules were evaluated\n")
    return len(good) == len(alerts) > 0


@contextmanager
def _prometheus(service: str) -> Iterator[str]:
    """Run Prometheus on the real configuration, every second on the given service."""
    address = urllib.parse.urlsplit(service).netloc
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{probe.getsockname()[1]}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(DEPLOY / "prometheus", folder / "config")
        config = folder / "config" / "prometheus.yml"
        text = config.read_text(encoding="utf-8")
        for old, new in (
            ("service:8000", address),
            ("scrape_interval: 5s", "scrape_interval: 1s"),
            ("evaluation_interval: 15s", "evaluation_interval: 1s"),
        ):
            if old not in text:
                raise RuntimeError(f"{config.name} no longer holds {old!r}: change this check too")
            text = text.replace(old, new)
        config.write_text(text, encoding="utf-8")
        log = folder / "prometheus.log"
        with log.open("w", encoding="utf-8") as output:
            process = subprocess.Popen(  # noqa: S603 - fixed arguments
                [
                    str(shutil.which("prometheus")),
                    f"--config.file={config}",
                    f"--storage.tsdb.path={folder / 'data'}",
                    f"--web.listen-address={listen}",
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait_until_ready(process, f"http://{listen}/-/ready", log)
            yield f"http://{listen}"
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own address
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"Prometheus did not start:\n{log.read_text(encoding='utf-8')[-2000:]}")


def _wait_until_scraped(prometheus: str, service: str) -> None:
    """Wait for the first scrape: Prometheus takes up to five seconds to take up its targets."""
    deadline = time.monotonic() + 30
    while not _get(f"{prometheus}/api/v1/query?query=up==1")["data"]["result"]:
        if time.monotonic() > deadline:
            raise RuntimeError(f"Prometheus cannot scrape {service}/metrics")
        time.sleep(0.2)


def _ready_models(service: str) -> list[dict[str, Any]]:
    models = _get(f"{service}/models")["models"]
    ready = [model for model in models if model["state"] == "ready" and model["task"] in BODIES]
    if not ready:
        raise RuntimeError(f"{service} has no model that is ready")
    return ready


def _served(models: list[dict[str, Any]]) -> set[str]:
    """What the queries may need of these models; see `NEEDED`."""
    variants: dict[str, set[str]] = {}
    for model in models:
        family = FAMILY.fullmatch(model["name"])
        if family is not None:
            variants.setdefault(family[1], set()).add(model["variant"])
    compared = any("dense" in found and len(found) > 1 for found in variants.values())
    return {model["task"] for model in models} | ({"compare"} if compared else set())


def _send_traffic(service: str, models: list[dict[str, Any]], seconds: float) -> None:
    """Ask every model in turn, with some pause, so that every scrape sees changes."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for model in models:
            body = json.dumps(BODIES[model["task"]] | {"model": model["name"]}).encode()
            request = urllib.request.Request(  # noqa: S310 - the user's own address
                f"{service}/{model['task']}", body, {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=60):  # noqa: S310
                pass
        time.sleep(0.05)


def _get(url: str) -> Any:
    try:
        with urllib.request.urlopen(url, timeout=30) as response:  # noqa: S310 - the user's own
            return json.loads(response.read())
    except urllib.error.HTTPError as error:
        detail = error.read().decode(errors="replace")
        raise RuntimeError(f"{url} answers {error.code}: {detail}") from error
    except OSError as error:
        raise RuntimeError(f"{url}: {error}") from error


def _tool(*command: str) -> str:
    """What a command prints; ``unknown`` if it is not there or fails."""
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout or done.stderr


def _promtool(*arguments: str | Path) -> None:
    done = subprocess.run(  # noqa: S603 - fixed arguments
        [str(shutil.which("promtool")), *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"promtool {arguments[0]}: {done.stdout}{done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
