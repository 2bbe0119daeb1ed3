"""Labelled texts as word ids, made once and kept in one file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from issrnn.reading import tokens, words
from issrnn.vocabulary import UNKNOWN
from training.cache import Arrays, cache_key, read_cache, write_cache
from training.classification import imdb, sanders
from training.classification.corpus import RawCorpus, fingerprint
from training.progress import progress_bar
from training.texts import Texts

__all__ = ["CorpusName", "Prepared", "prepare"]

CorpusName = Literal["imdb", "sanders"]

_CORPORA: dict[
    CorpusName, tuple[Callable[[Path], Path], Callable[[Path], RawCorpus], ModuleType]
] = {
    "imdb": (imdb.find_imdb, imdb.read_imdb, imdb),
    "sanders": (sanders.find_sanders, sanders.read_sanders, sanders),
}
"""How each corpus is found in the data directory, how it is read, and where that is written."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """The n texts of a corpus."""

    words: tuple[str, ...]
    """Every distinct word, by its id; an empty text is read as ``<unk>``."""
    texts: Texts
    """Of n texts."""
    labels: NDArray[np.int64]
    """(n,) places in ``label_names``."""
    label_names: tuple[str, ...]
    is_test: NDArray[np.bool_]
    """(n,): whether a text belongs to an official test split."""
    sha256: dict[str, str]
    """Checksums of the data."""


def prepare(corpus: CorpusName, data: Path, cache: Path) -> Prepared:
    """Split the texts of a corpus into words, or read what an earlier call made.

    Args:
        corpus: Which one.
        data: The data directory.
        cache: Where to keep the result, for the same data and the same code; a damaged file there
            is made again.

    Raises:
        DataError: If the data are missing or damaged.
        RunError: If the cache cannot be written.
    """
    find, read, module = _CORPORA[corpus]
    path = find(data)
    key = cache_key(fingerprint(path), [tokens, words, module, sys.modules[__name__]])
    file = cache / f"{corpus}-{key}.cache"
    kept = read_cache(file)
    if kept is not None:
        return _from_cache(*kept)
    made = _split_into_words(read(path), corpus)
    arrays: Arrays = {
        "words": made.texts.words,
        "borders": made.texts.borders,
        "labels": made.labels,
        "is_test": made.is_test,
    }
    document = {"words": made.words, "label_names": made.label_names, "sha256": made.sha256}
    write_cache(file, arrays, document)
    return made


def _split_into_words(raw: RawCorpus, name: str) -> Prepared:
    ids: dict[str, int] = {}
    texts: list[NDArray[np.int32]] = []
    with progress_bar(f"{name} words", len(raw.texts), "text") as bar:
        for entry in raw.texts:
            found = words.plain_words(entry.text) or [UNKNOWN]
            texts.append(np.array([ids.setdefault(word, len(ids)) for word in found], np.int32))
            bar.update()
    names = tuple(sorted({entry.label for entry in raw.texts}))
    return Prepared(
        words=tuple(ids),
        texts=Texts.join(texts),
        labels=np.array([names.index(entry.label) for entry in raw.texts], np.int64),
        label_names=names,
        is_test=np.array([entry.is_test for entry in raw.texts], np.bool_),
        sha256=raw.sha256,
    )


def _from_cache(arrays: Arrays, document: dict[str, Any]) -> Prepared:
    return Prepared(
        words=tuple(document["words"]),
        texts=Texts(arrays["words"], arrays["borders"]),
        labels=arrays["labels"],
        label_names=tuple(document["label_names"]),
        is_test=arrays["is_test"],
        sha256=document["sha256"],
    )
