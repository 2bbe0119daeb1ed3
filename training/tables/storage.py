"""What storing a model in 16 or 8 bits, and computing in 8 bits, costs in its task's figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from issrnn import artifact
from issrnn.card import Card
from training.errors import RunError
from training.tables.markdown import markdown_table
from training.tables.records import Record

__all__ = ["Stored", "read_stored", "storage_table"]

_FIGURES = {"score": "test_perplexity", "answer": "f1", "classify": "test_accuracy"}
"""Each task's main figure, by its name in records and on cards."""

_COLUMNS = ("model", "stored as", "bytes", "figure", "as trained", "as stored", "in int8")


@dataclass(frozen=True)
class Stored:
    """An artifact, without its weights."""

    card: Card
    bytes: int
    """Of the weights on disk."""


def read_stored(models: Path) -> list[Stored]:
    """Every artifact in a folder, by name.

    Raises:
        RunError: If one cannot be read.
    """
    try:
        return [
            Stored(artifact.read_card(path.parent), path.stat().st_size)
            for path in sorted(models.glob(f"*/{artifact.WEIGHTS_FILE}"))
            if not path.parent.name.startswith(".")  # one that is being written
        ]
    except (artifact.ArtifactError, OSError) as error:
        raise RunError(str(error)) from error


def storage_table(stored: Sequence[Stored], records: Sequence[Record]) -> str | None:
    """Figures of the artifacts of recorded runs; None if there are none.

    As trained: the run's weights in fp32, where it is these that were stored and not others of the
    run; as stored: read back from the artifact; in int8: on the engine that computes so, where it
    was measured.
    """
    runs = {record["created"]: record for record in records}
    rows = [
        _cells(each, runs[each.card.provenance.created])
        for each in stored
        if each.card.provenance.created in runs
    ]
    return markdown_table(_COLUMNS, rows) if rows else None


def _cells(stored: Stored, run: Record) -> tuple[str, ...]:
    card = stored.card
    figure = _FIGURES[card.task]
    others = " --weights " in card.provenance.command
    figures = (
        None if others else run["metrics"].get(figure),
        card.metrics.get(figure),
        card.metrics.get(f"{figure}_int8"),
    )
    return (
        card.name,
        card.weights_dtype,
        f"{stored.bytes:,}",
        figure.replace("_", " "),
        *("" if value is None else f"{value:.3f}" for value in figures),
    )
