"""A few texts and questions in the layout of SQuAD, and vectors of some of their words."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

__all__ = ["DEV", "TRAIN", "document", "write_squad", "write_vectors"]

Question = tuple[str, tuple[str, ...]]

TRAIN: dict[str, tuple[Question, ...]] = {
    "Mr. Brown's mill burnt down in 1851-52; the river-side “new mill” opened in 1860.": (
        ("When did the mill burn down?", ("1851-52",)),
        ("Whose mill was it?", ("Brown",)),
        ("When did the new one open?", ("1860", "in 1860")),
        ("Which decade?", ("186",)),
    ),
    "Bees dance. The café closes at 5 p.m. on Sundays, and the market at noon.": (
        ("Who dances?", ("Bees",)),
        ("When does the café close?", ("5 p.m.",)),
        ("When does the market close?", ("noon",)),
    ),
}
DEV: dict[str, tuple[Question, ...]] = {
    "The ferry, built of oak, crossed the lake twice a day until 1960.": (
        ("What was the ferry built of?", ("oak", "of oak")),
        ("How often did it cross?", ("twice a day",)),
    ),
}


def document(texts: dict[str, tuple[Question, ...]]) -> dict[str, Any]:
    """The JSON of a split with one article."""
    paragraphs = [
        {
            "context": text,
            "qas": [
                {
                    "id": f"{number}-{place}",
                    "question": question,
                    "answers": [{"text": a, "answer_start": text.index(a)} for a in answers],
                }
                for place, (question, answers) in enumerate(questions)
            ],
        }
        for number, (text, questions) in enumerate(texts.items())
    ]
    return {"version": "1.1", "data": [{"title": "Made up", "paragraphs": paragraphs}]}


def write_squad(
    folder: Path,
    train: dict[str, tuple[Question, ...]] = TRAIN,
    dev: dict[str, tuple[Question, ...]] = DEV,
    *,
    compressed: bool = False,
) -> Path:
    """Write both splits into ``FOLDER/squad``; returns ``FOLDER``."""
    (folder / "squad").mkdir(parents=True, exist_ok=True)
    for split, texts in (("train", train), ("dev", dev)):
        content = json.dumps(document(texts)).encode()
        path = folder / "squad" / f"{split}-v1.1.json"
        if compressed:
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content))
        else:
            path.write_bytes(content)
    return folder


def write_vectors(
    folder: Path, words: str = "the , . of in mill when did river open dance zebra oak"
) -> Path:
    """A GloVe text file of 3 numbers a word, most frequent first; returns its path."""
    lines = [f"{word} {rank} {-rank} 0.5\n" for rank, word in enumerate(words.split())]
    path = folder / "glove.Tiny.3d.txt"
    path.write_text("".join(lines), encoding="utf-8")
    return path
