"""Runs that repeat one another with another seed or fold, as one line of a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from training.errors import RunError
from training.reproduction import run_command
from training.tables.records import Record, config_of

__all__ = ["REPEATS_COLUMNS", "Repeats", "group_repeats"]

REPEATS_COLUMNS = ("run", "hours", "epochs", "machine", "ended", "commits")

_NAME = re.compile(r"(?P<stem>.+)-(?P<field>seed|fold)(?P<value>\d+)")
"""Of a run that repeats another, such as ``sanders-lstm-set-fold3``."""


@dataclass(frozen=True)
class Repeats:
    """One run, or several that a loop makes."""

    records: tuple[Record, ...]
    """In the order of their seeds or folds."""

    @property
    def stem(self) -> str:
        """Name of the run without seed or fold."""
        match = _NAME.fullmatch(self.records[0]["name"])
        return str(match["stem"] if match else self.records[0]["name"])

    @property
    def _varied(self) -> tuple[str, list[str]] | None:
        """What differs and its values; None of a single run."""
        if len(self.records) == 1:
            return None
        named = [_NAME.fullmatch(record["name"]) for record in self.records]
        found = [match for match in named if match is not None]
        return found[0]["field"], [match["value"] for match in found]

    def cells(self) -> tuple[str, ...]:
        """In the order of `REPEATS_COLUMNS`; hours and epochs of all together."""
        name = self.records[0]["name"]
        if self._varied is not None:
            field, values = self._varied
            name = f"{self.stem}-{field}{{{','.join(values)}}}"
        commits = chain.from_iterable(record["commits"] for record in self.records)
        return (
            name,
            f"{sum(record['wall_time_seconds'] for record in self.records) / 3600:.1f}",
            str(sum(len(record["epochs"]) for record in self.records)),
            "; ".join(dict.fromkeys(record["machine"] for record in self.records)),
            max(record["created"] for record in self.records).split("T")[0],
            " ".join(commit[:8] for commit in dict.fromkeys(commits)),
        )

    def command(self) -> str:
        """For the shell: what makes the runs again."""
        commands = [run_command(record["name"], config_of(record)) for record in self.records]
        if self._varied is None:
            return commands[0]
        field, values = self._varied
        command, value = next(  # the preset's own value is no setting of its command
            (command, value)
            for command, value in zip(commands, values, strict=True)
            if f"{field}={value}" in command
        )
        for sign in "", "=":  # in the name, and as the setting
            command = command.replace(f"{field}{sign}{value}", f"{field}{sign}${field}")
        return f"for {field} in {' '.join(values)}; do {command}; done"


def group_repeats(records: Sequence[Record]) -> list[Repeats]:
    """Runs whose names differ in the number of a seed or fold together, the others alone.

    Raises:
        RunError: If runs are named as repeats of one another and are none.
    """
    groups: dict[str, list[tuple[int, Record]]] = {}
    for record in records:
        match = _NAME.fullmatch(record["name"])
        stem = match["stem"] if match else record["name"]
        groups.setdefault(stem, []).append((int(match["value"]) if match else 0, record))
    found = []
    for runs in groups.values():
        first, *others = [record for _, record in sorted(runs, key=lambda run: run[0])]
        for other in others:
            _check_repeats(first, other)
        found.append(Repeats((first, *others)))
    return found


def _check_repeats(first: Record, other: Record) -> None:
    one, two = (_NAME.fullmatch(record["name"]) for record in (first, other))
    together = f"the records {first['name']} and {other['name']}"
    if one is None or two is None or one["field"] != two["field"]:
        raise RunError(f"{together} are named as one run: end both in -seedN, or both in -foldN")
    field = one["field"]
    for record, match in ((first, one), (other, two)):
        own = record["config"].get(field)
        if own != int(match["value"]):
            raise RunError(f"the record {record['name']} is of {field} {own}")
    rest, others = (config_of(record).model_copy(update={field: 0}) for record in (first, other))
    if rest != others:
        raise RunError(f"{together} are named as repeats, but differ in more than their {field}")
