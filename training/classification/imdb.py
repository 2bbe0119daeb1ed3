"""The Large Movie Review Dataset: 25,000 reviews for training and 25,000 for testing.

Maas et al. (2011), https://aclanthology.org/P11-1015. Its archive holds a file a review,
``aclImdb/{train,test}/{pos,neg}/ID_RATING.txt``.
"""

from __future__ import annotations

import hashlib
import lzma
import re
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from training.classification.corpus import LabelledText, RawCorpus
from training.download import download
from training.errors import DataError, reason
from training.progress import progress_bar

__all__ = ["IMDB_SHA256", "IMDB_URL", "fetch_imdb", "find_imdb", "read_imdb"]

IMDB_URL = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
IMDB_SHA256 = "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe"
"""Checksum of the official archive, as several libraries that fetch it have it."""

_FOLDER = "aclImdb"
_ARCHIVE = "aclImdb_v1.tar.gz"
_NAMES = (_FOLDER, _ARCHIVE, "aclImdb.tar.gz", "aclImdb.tar.xz")
_REVIEW = re.compile(
    rf"(?:\./)?{_FOLDER}/(?P<split>train|test)/(?P<label>neg|pos)/(?P<file>\d+_\d+\.txt)"
)
_LABELS = {"neg": "negative", "pos": "positive"}
_REVIEWS = 50_000
_DAMAGE = (tarfile.TarError, EOFError, lzma.LZMAError, zlib.error, OSError)


def find_imdb(directory: Path) -> Path:
    """The unpacked folder or an archive, in ``DIRECTORY/imdb`` or in DIRECTORY itself.

    Raises:
        DataError: If neither is there, naming what would help.
    """
    for folder in (directory / "imdb", directory):
        for name in _NAMES:
            if (folder / name).exists():
                return folder / name
    raise DataError(
        f"no {directory / 'imdb' / _ARCHIVE} (or .tar.xz, or the folder {_FOLDER}): point --data "
        "at the folder that holds it; `python -m training fetch` downloads it"
    )


def read_imdb(path: Path) -> RawCorpus:
    """Read all labelled reviews; those without a rating (``unsup``) are left out.

    Args:
        path: From `find_imdb`.

    Returns:
        Texts with the labels ``negative`` and ``positive``. The checksums are of the reviews, the
        same for a folder and every kind of archive.

    Raises:
        DataError: If it is damaged, a split lacks a label, or its four parts, which have as many
            reviews each, do not.
    """
    reviews: dict[tuple[str, str, str], bytes] = {}
    with progress_bar("IMDB reviews", _REVIEWS, "review") as bar:
        for name, content in _files(path):
            match = _REVIEW.fullmatch(name)
            if match:
                reviews[match["split"], match["label"], match["file"]] = content
                bar.update()
    there = Counter(key[:2] for key in reviews)
    for split in ("train", "test"):
        for label in _LABELS:
            if (split, label) not in there:
                raise DataError(f"{path} has no {_FOLDER}/{split}/{label}/ID_RATING.txt")
    if len(set(there.values())) > 1:
        counts = ", ".join(f"{split}/{label} {n:,}" for (split, label), n in sorted(there.items()))
        raise DataError(f"{path} is not complete, its folders hold unequal parts: {counts}")
    digests = {split: hashlib.sha256() for split in ("train", "test")}
    texts = []
    for (split, label, file), content in sorted(reviews.items()):
        digests[split].update(f"{label}/{file} {len(content)}\n".encode() + content)
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            where = f"{path}: {_FOLDER}/{split}/{label}/{file}"
            raise DataError(f"{where} is not UTF-8 text: byte {error.start}") from error
        texts.append(LabelledText(text, _LABELS[label], is_test=split == "test"))
    sha256 = {f"{_FOLDER}/{split}": digest.hexdigest() for split, digest in digests.items()}
    return RawCorpus(tuple(texts), sha256)


def fetch_imdb(directory: Path) -> Path:
    """Download the archive into ``DIRECTORY/imdb``; what is there already is kept.

    Returns:
        The folder.

    Raises:
        DataError: If the download fails or does not have the known checksum, when the archive is
            not there; or if what is there is damaged or not complete.
    """
    folder = directory / "imdb"
    if any((folder / name).exists() for name in _NAMES):
        read_imdb(find_imdb(directory))
    else:
        download(IMDB_URL, folder / _ARCHIVE, IMDB_SHA256)
    return folder


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of every file, in any order."""
    try:
        if path.is_dir():
            for file_path in path.glob("*/*/*.txt"):
                name = file_path.relative_to(path.parent).as_posix()
                if _REVIEW.fullmatch(name):
                    yield name, file_path.read_bytes()
            return
        with tarfile.open(path) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() else None
                if file is not None:
                    yield member.name, file.read()
    except _DAMAGE as error:
        raise DataError(f"cannot read {path}: {reason(error)}") from error
