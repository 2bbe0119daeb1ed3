"""The report of a comparison: its tables as text, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from loadtests.plan import Loop
from loadtests.record import Record, write_whole
from loadtests.scenarios import Scenario
from loadtests.summary import ALL_TASKS, Row

__all__ = ["heading", "markdown", "picture_name", "write_tables"]

_LOOPS: tuple[tuple[Loop, str, str], ...] = (
    ("closed", "Closed loop", "Each user sends its next request when its last is answered."),
    ("open", "Open loop", "Requests arrive at random times (Poisson) at the given mean rate; "
     "latency counts from the planned arrival."),
)  # fmt: skip


def write_tables(record: Record, folder: Path) -> None:
    """Write ``report.md`` and ``table.csv``."""
    write_whole(folder / "report.md", markdown(record))
    write_whole(folder / "table.csv", _csv(record.rows))


def picture_name(scenario: Scenario) -> str:
    """File name of a scenario's picture, beside the report."""
    return f"load-{scenario.name}.png"


def heading(scenario: Scenario) -> str:
    """What was sent, such as ``/score`` or ``3 /score to 1 /answer``."""
    if not scenario.mixed:
        return f"/{scenario.name}"
    return " to ".join(f"{weight:g} /{task}" for task, weight in scenario.weights.items())


def markdown(record: Record) -> str:
    """The report as text: conditions and models; for each scenario a table a loop, and ratios."""
    parts = [f"# Load test of {', '.join(heading(scenario) for scenario in record.scenarios)}"]
    if not record.complete:
        parts.append("**Interrupted: this is what was measured until then.**")
    parts += [_conditions(record), _models(record)]
    for scenario in record.scenarios:
        if rows := record.rows_of(scenario):
            parts += _scenario(scenario, rows)
    return "\n\n".join(parts) + "\n"


def _conditions(record: Record) -> str:
    lines = []
    for name, value in record.conditions.items():
        shown = (
            ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else value
        )
        lines.append(f"- {name.replace('_', ' ')}: {shown if shown not in ('', None) else 'none'}")
    plan = record.plan
    lines.append(
        f"- each load: {plan.rounds} rounds of {plan.duration:g} s for each contender in turn, "
        f"after {plan.warm_up:g} s of warm-up; seed {plan.seed}"
    )
    tasks = {task for scenario in record.scenarios for task in scenario.weights}
    if "score" in tasks:
        detail = "with" if plan.token_details else "without"
        lines.append(f"- /score: {plan.texts_per_request} sentence(s) a request, {detail} token "
                     "details; tokens/s are scored tokens")  # fmt: skip
    if "answer" in tasks:
        words = "{} to {}".format(*plan.context_words) if plan.context_words else "any number of"
        lines.append(f"- /answer: one question a request on a passage of {words} words, top_k "
                     f"{plan.top_k}; tokens/s are words of question and passage")  # fmt: skip
    if "classify" in tasks:
        lines.append(f"- /classify: {plan.texts_per_request} review(s) a request; tokens/s are "
                     "words of reviews")  # fmt: skip
    return "## Conditions\n\n" + "\n".join(lines)


def _models(record: Record) -> str:
    wanted = ("host", "engine", "hidden_sizes", "parameters", "multiply_adds", "bytes", "metrics")
    lines = []
    for model in record.models:
        known = ", ".join(f"{name} {model[name]}" for name in wanted if name in model)
        notes = (model.get("provenance") or {}).get("notes")
        lines.append(f"- `{model['name']}`: {known}" + (f". **{notes}**" if notes else ""))
    return "## Models\n\n" + "\n".join(lines)


def _scenario(scenario: Scenario, rows: Sequence[Row]) -> list[str]:
    title = f"## {heading(scenario)}"
    if scenario.mixed:
        members = (
            f"- {c.name}: " + ", ".join(f"`{model}`" for model in c.models.values())
            for c in scenario.contenders
        )
        title += (
            f", mixed\n\nOf each task and of `{ALL_TASKS}` together; CPU is always of all.\n\n"
            + "\n".join(members)
        )
    parts = [title]
    for loop, name, meaning in _LOOPS:
        own = [row for row in rows if row.loop == loop]
        if own:
            parts.append(f"### {name}\n\n{meaning}\n\n{_loop_table(scenario, own)}")
    parts.append(f"![throughput and latency of {heading(scenario)}]({picture_name(scenario)})")
    if len(scenario.contenders) > 1:
        parts.append(_ratios(scenario, rows))
    return parts


def _loop_table(scenario: Scenario, rows: Sequence[Row]) -> str:
    load = "users" if rows[0].loop == "closed" else "arrivals/s"
    has_expected = any(row.right is not None for row in rows)
    head = [
        load, "variant", *(["task"] if scenario.mixed else []), "requests", "answers/s",
        "tokens/s", "p50 ms", "p95 ms", "p99 ms", "max ms", "queue p50 ms", "compute p50 ms",
        "refused", "failed", *(["right"] if has_expected else []), "sent late p99 ms",
        "CPU client", "CPU service",
    ]  # fmt: skip
    body = [
        [
            f"{row.load:g}", row.variant, *([row.task] if scenario.mixed else []),
            str(row.requests), _number(row.throughput), _number(row.tokens_per_second),
            _number(row.p50_ms), _number(row.p95_ms), _number(row.p99_ms), _number(row.max_ms),
            _number(row.queue_p50_ms), _number(row.compute_p50_ms), _share(row.refused),
            _share(row.failed), *([_share(row.right)] if has_expected else []),
            _number(row.sent_late_p99_ms), _number(row.client_cpu), _number(row.service_cpu),
        ]
        for row in rows
    ]  # fmt: skip
    return _table(head, body)


def _ratios(scenario: Scenario, rows: Sequence[Row]) -> str:
    baseline, *others = (contender.name for contender in scenario.contenders)
    found = {(row.variant, row.loop, row.load, row.task): row for row in rows}
    head = [
        "loop", "load", "variant", *(["task"] if scenario.mixed else []), "answers/s", "p50",
        "p95", "p99",
    ]  # fmt: skip
    body = []
    for row in rows:
        base = found.get((baseline, row.loop, row.load, row.task))
        if row.variant in others and base is not None:
            comparable = not (row.overloaded or base.overloaded)
            body.append([
                row.loop, f"{row.load:g}", row.variant, *([row.task] if scenario.mixed else []),
                _ratio(row.throughput, base.throughput),
                *(
                    _ratio(getattr(base, name), getattr(row, name)) if comparable else "-"
                    for name in ("p50_ms", "p95_ms", "p99_ms")
                ),
            ])  # fmt: skip
    return (
        f"### Against `{baseline}`\n\nHow many times as many answers a second, and how many times "
        "as quick (left out where one of the two is overloaded: its latency then says how long "
        f"the test was).\n\n{_table(head, body)}"
    )


def _ratio(numerator: float | None, denominator: float | None) -> str:
    return f"{numerator / denominator:.2f}x" if numerator and denominator else "-"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


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
