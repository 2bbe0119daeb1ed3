"""SQuAD and word vectors, made ready once and kept in one file."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from issrnn.reading import tokens
from issrnn.word_vectors import WordVectors
from training.cache import Arrays, cache_key, read_cache, write_cache
from training.question_answering import glove, questions, squad
from training.question_answering.questions import QuestionSet, WordIds, make_questions
from training.question_answering.squad import SPLITS, load_squad
from training.texts import Texts

__all__ = ["WORD_VECTOR_LIMIT", "Prepared", "prepare"]

WORD_VECTOR_LIMIT = 100_000
"""Word vectors to keep: those of the data, filled up with those of the most frequent words."""

_ARRAYS = ("places", "context_of", "starts", "ends")


@dataclass(frozen=True, eq=False)
class Prepared:
    """All that training on SQuAD reads."""

    words: tuple[str, ...]
    """Every distinct word of both splits, by its id."""
    train: QuestionSet
    dev: QuestionSet
    word_vectors: WordVectors
    sha256: dict[str, str]
    """Checksum of each file of the data and of the word vectors, by file name."""


def prepare(
    data: Path, cache: Path, vectors: Path | None = None, limit: int = WORD_VECTOR_LIMIT
) -> Prepared:
    """Split SQuAD into words and choose the word vectors, or read what an earlier call made.

    Args:
        data: The data directory.
        cache: Where to keep the result, for the same files and the same code; a damaged file there
            is made again.
        vectors: A GloVe text file; None takes the installed package.
        limit: Word vectors to keep, unless the data has more words.

    Raises:
        DataError: If data or word vectors are missing or damaged.
        RunError: If the cache cannot be written.
    """
    splits = {split: load_squad(data, split) for split in SPLITS}
    sha256 = {f"{split}-v1.1.json": splits[split].sha256 for split in SPLITS}
    sha256 |= glove.glove_sha256(vectors)
    code = (tokens, squad, glove, questions, sys.modules[__name__])
    file = cache / f"squad-{cache_key([sha256, limit], code)}.cache"
    if (kept := _read(file, sha256)) is not None:
        return kept
    words = WordIds()
    sets = {split: make_questions(splits[split].paragraphs, words, split) for split in SPLITS}
    word_vectors = glove.load_glove(vectors, words.ids, limit)
    made = Prepared(tuple(words.ids), sets["train"], sets["dev"], word_vectors, sha256)
    _write(file, made)
    return made


def _write(file: Path, made: Prepared) -> None:
    texts = {
        "words": made.words,
        "train": _texts(made.train),
        "dev": _texts(made.dev),
        "vectors": {"name": made.word_vectors.name, "words": made.word_vectors.words},
    }
    arrays = {
        **_arrays("train", made.train),
        **_arrays("dev", made.dev),
        "vectors": made.word_vectors.vectors,
    }
    write_cache(file, arrays, texts)


def _read(file: Path, sha256: dict[str, str]) -> Prepared | None:
    """What `_write` wrote; None if it is not there or not as it was written."""
    if (kept := read_cache(file)) is None:
        return None
    arrays, texts = kept
    name, words = texts["vectors"]["name"], tuple(texts["vectors"]["words"])
    return Prepared(
        words=tuple(texts["words"]),
        train=_questions("train", arrays, texts["train"]),
        dev=_questions("dev", arrays, texts["dev"]),
        word_vectors=WordVectors(name, words, arrays["vectors"]),
        sha256=sha256,
    )


def _texts(questions: QuestionSet) -> dict[str, Any]:
    names = ("off_border", "context_texts", "answers", "ids")
    return {name: getattr(questions, name) for name in names}


def _arrays(split: str, questions: QuestionSet) -> Arrays:
    return {
        f"{split}.contexts.words": questions.contexts.words,
        f"{split}.contexts.borders": questions.contexts.borders,
        f"{split}.questions.words": questions.questions.words,
        f"{split}.questions.borders": questions.questions.borders,
        **{f"{split}.{name}": getattr(questions, name) for name in _ARRAYS},
    }


def _questions(split: str, arrays: Arrays, texts: dict[str, Any]) -> QuestionSet:
    contexts, asked = (
        Texts(arrays[f"{split}.{part}.words"], arrays[f"{split}.{part}.borders"])
        for part in ("contexts", "questions")
    )
    return QuestionSet(
        contexts=contexts,
        questions=asked,
        **{name: arrays[f"{split}.{name}"] for name in _ARRAYS},
        off_border=texts["off_border"],
        context_texts=tuple(texts["context_texts"]),
        answers=tuple(tuple(answers) for answers in texts["answers"]),
        ids=tuple(texts["ids"]),
    )
