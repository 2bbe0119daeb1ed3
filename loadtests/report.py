"""The record of a comparison, and the table, CSV and text made from it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from loadtests.plan import Loop, Plan
from loadtests.summary import Row

__all__ = ["RECORD_FILE", "Record", "markdown", "read_record", "write_record", "write_tables"]

RECORD_FILE = "record.json"


@dataclass(frozen=True, kw_only=True)
class Record:
    """Everything measured in a comparison and under what conditions."""

    conditions: dict[str, Any]
    plan: Plan
    models: list[dict[str, Any]]
    """What ``GET /models/NAME`` said of each variant, in the order they were measured."""
    complete: bool
    """False while it runs, and after an interruption."""
    rows: list[Row]

    @property
    def variants(self) -> list[str]:
        """Names of the variants; the first is the one the others are compared with."""
        return [model["name"] for model in self.models]


def write_record(record: Record, folder: Path) -> None:
    """Write ``record.json`` whole, in the place of a former one."""
    text = TypeAdapter(Record).dump_json(record, indent=2).decode() + "\n"
    _write_whole(folder / RECORD_FILE, text)


def read_record(folder: Path) -> Record:
    """Read ``record.json``.

    Raises:
        ValueError: If it is missing or not a record; the message names the file.
    """
    path = folder / RECORD_FILE
    try:
        return TypeAdapter(Record).validate_json(path.read_bytes())
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{path} is not a load test's record: {where}: {first['msg']}") from error


def write_tables(record: Record, folder: Path) -> None:
    """Write ``report.md`` and ``table.csv``."""
    _write_whole(folder / "report.md", markdown(record))
    _write_whole(folder / "table.csv", _csv(record.rows))


def markdown(record: Record) -> str:
    """The report as text: conditions, a table for each loop, and the variants side by side."""
    title = f"# Load test: {' against '.join(record.variants)}"
    parts = [title]
    if not record.complete:
        parts.append("**Interrupted: this is what was measured until then.**")
    parts += [_conditions(record), _models(record)]
    loops: tuple[tuple[Loop, str, str], ...] = (
        ("closed", "Closed loop", "Each user sends its next request when its last is answered."),
        ("open", "Open loop", "Requests arrive at random times (Poisson) at the given mean rate; "
         "latency counts from the planned arrival."),
    )  # fmt: skip
    for loop, heading, meaning in loops:
        rows = [row for row in record.rows if row.loop == loop]
        if rows:
            parts += [f"## {heading}\n\n{meaning}\n\n{_loop_table(rows)}"]
    if len(record.variants) > 1 and record.rows:
        parts.append(_ratios(record))
    return "\n\n".join(parts) + "\n"


def _conditions(record: Record) -> str:
    lines = []
    for name, value in record.conditions.items():
        shown = (
            ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else value
        )
        lines.append(f"- {name.replace('_', ' ')}: {shown if shown not in ('', None) else 'none'}")
    plan = record.plan
    detail = "with" if plan.token_details else "without"
    lines.append(
        f"- each load: {plan.rounds} rounds of {plan.duration:g} s for each variant in turn, after "
        f"{plan.warm_up:g} s of warm-up; {plan.texts_per_request} sentence(s) a request, {detail} "
        f"token details; seed {plan.seed}"
    )
    return "## Conditions\n\n" + "\n".join(lines)


def _models(record: Record) -> str:
    wanted = ("engine", "hidden_sizes", "parameters", "multiply_adds", "bytes", "metrics")
    lines = []
    for model in record.models:
        known = ", ".join(f"{name} {model[name]}" for name in wanted if name in model)
        notes = (model.get("provenance") or {}).get("notes")
        lines.append(f"- `{model['name']}`: {known}" + (f". **{notes}**" if notes else ""))
    return "## Variants\n\n" + "\n".join(lines)


def _loop_table(rows: Sequence[Row]) -> str:
    load = "users" if rows[0].loop == "closed" else "arrivals/s"
    head = (
        load, "variant", "requests", "answers/s", "tokens/s", "p50 ms", "p95 ms", "p99 ms",
        "max ms", "queue p50 ms", "compute p50 ms", "refused", "failed", "sent late p99 ms",
        "CPU client", "CPU service",
    )  # fmt: skip
    body = [
        (
            f"{row.load:g}", row.variant, str(row.requests), _number(row.throughput),
            _number(row.tokens_per_second), _number(row.p50_ms), _number(row.p95_ms),
            _number(row.p99_ms), _number(row.max_ms), _number(row.queue_p50_ms),
            _number(row.compute_p50_ms), f"{row.refused:.1%}", f"{row.failed:.1%}",
            _number(row.sent_late_p99_ms), _number(row.client_cpu), _number(row.service_cpu),
        )
        for row in rows
    ]  # fmt: skip
    return _table(head, body)


def _ratios(record: Record) -> str:
    baseline, *others = record.variants
    found = {(row.variant, row.loop, row.load): row for row in record.rows}
    head = ("loop", "load", "variant", "answers/s", "p50", "p95", "p99")
    body = []
    for row in record.rows:
        base = found.get((baseline, row.loop, row.load))
        if row.variant in others and base is not None:
            latencies = [
                "-" if row.overloaded or base.overloaded else _ratio(slow, quick)
                for slow, quick in (
                    (base.p50_ms, row.p50_ms),
                    (base.p95_ms, row.p95_ms),
                    (base.p99_ms, row.p99_ms),
                )
            ]
            throughput = _ratio(row.throughput, base.throughput)
            body.append((row.loop, f"{row.load:g}", row.variant, throughput, *latencies))
    return (
        f"## Against `{baseline}`\n\nHow many times as many answers a second, and how many times "
        "as quick (left out where one of the two is overloaded: its latency then says how long "
        f"the test was).\n\n{_table(head, body)}"
    )


def _ratio(numerator: float | None, denominator: float | None) -> str:
    return f"{numerator / denominator:.2f}x" if numerator and denominator else "-"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _csv(rows: Sequence[Row]) -> str:
    names = [field.name for field in fields(Row) if field.name != "problems"]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        by_round = " ".join(f"{value:.2f}" for value in row.throughput_by_round)
        writer.writerow(asdict(row) | {"throughput_by_round": by_round})
    return text.getvalue()


def _write_whole(path: Path, text: str) -> None:
    staging = path.with_name(f".{path.name}.part")
    staging.write_text(text, encoding="utf-8")
    staging.replace(path)
