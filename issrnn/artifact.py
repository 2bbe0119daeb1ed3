"""The artifact: one folder that holds a trained model, everything needed to serve it, and its card.

``config.json`` (this module's `Card`), ``model.safetensors`` (weights in torch's names and layout;
numbers as in `issrnn.number_storage`, matrices with many zeros as in `issrnn.sparse_storage`),
``tokenizer.json`` and ``tokenizer_config.json``. No pickle, no torch.

A question answering model reads words as frozen word vectors. Since all variants of a model read
the same ones, they are one file, ``VECTORS.safetensors``, in the artifact's folder or beside it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray
from pydantic import ValidationError

from issrnn.architecture import (
    Architecture,
    BiDAFArchitecture,
    ClassifierArchitecture,
)
from issrnn.card import FORMAT_VERSION, Card, Provenance, VectorsFile
from issrnn.number_storage import decode, encode
from issrnn.sparse_storage import pack, unpack
from issrnn.vocabulary import END, PADDING, UNKNOWN, Vocabulary
from issrnn.word_vectors import WordVectors

__all__ = [
    "FORMAT_VERSION",
    "WEIGHTS_FILE",
    "Artifact",
    "ArtifactError",
    "Card",
    "Provenance",
    "VectorsFile",
    "load",
    "read_card",
    "save",
]

CARD_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
TOKENIZER_FILE = "tokenizer.json"
TOKENIZER_CONFIG_FILE = "tokenizer_config.json"

Weights = Mapping[str, NDArray[np.float32]]


class ArtifactError(Exception):
    """An artifact cannot be read or written; the message names the file and what is wrong."""


@dataclass(frozen=True, eq=False)
class Artifact:
    """An artifact in memory; weights are fp32 whatever they are stored as."""

    card: Card
    weights: Weights
    vocabulary: Vocabulary
    """Words of a language model or classifier, characters of a reader."""
    bytes: int
    """Size of ``model.safetensors`` on disk."""
    word_vectors: WordVectors | None = None

    @property
    def parameters(self) -> int:
        """Number of weights; frozen word vectors are none, nor are the zeros of a sparse matrix."""
        sparse = self.card.sparse_weights
        return sum(sparse.get(name, weight.size) for name, weight in self.weights.items())


def save(
    folder: Path,
    card: Card,
    weights: Weights,
    vocabulary: Vocabulary,
    word_vectors: WordVectors | None = None,
) -> Card:
    """Write an artifact whole; after a failure ``folder`` holds what it held before.

    Args:
        folder: Written anew; a former artifact there is replaced.
        card: Its checksums and sparse matrices are filled in here.
        weights: fp32 arrays with exactly the architecture's names and shapes.
        vocabulary: One entry for each row of the embedding of words or characters.
        word_vectors: For an architecture that reads them; written beside ``folder`` where they are
            not there yet.

    Returns:
        The card as written.

    Raises:
        ArtifactError: If names or shapes are wrong, a weight is not finite, the disk is full, or
            other word vectors of that name are there.
    """
    _check(weights, card.architecture, vocabulary, word_vectors, str(folder))
    stored = encode(weights, card.weights_dtype)
    for name, array in stored.items():
        if not np.isfinite(array).all():
            raise ArtifactError(f"{folder}: {name} is not finite as {card.weights_dtype}")
    arrays, counts = pack(stored)
    card = card.model_copy(update={"sparse_weights": counts})
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if word_vectors is not None:
            reference = _save_word_vectors(folder.parent, word_vectors)
            card = card.model_copy(update={"word_vectors": reference})
        staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            safetensors.numpy.save_file(arrays, staging / WEIGHTS_FILE)
            (staging / TOKENIZER_FILE).write_text(vocabulary.to_json(), encoding="utf-8")
            settings = json.dumps(_tokenizer_config(card.architecture), indent=2)
            (staging / TOKENIZER_CONFIG_FILE).write_text(settings, encoding="utf-8")
            card = card.model_copy(
                update={"sha256": {f.name: _sha256(f) for f in sorted(staging.iterdir())}}
            )
            text = card.model_dump_json(indent=2) + "\n"
            (staging / CARD_FILE).write_text(text, encoding="utf-8")
            for file in staging.iterdir():
                file.chmod(0o644)  # safetensors writes for its owner alone; services run as others
            staging.chmod(0o755)
            _swap(staging, folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except (OSError, safetensors.SafetensorError) as error:
        raise ArtifactError(f"cannot write the artifact {folder}: {error}") from error
    return card


def read_card(folder: Path) -> Card:
    """Read and check ``config.json`` alone.

    Raises:
        ArtifactError: If it is missing, of another format version, or a field is wrong.
    """
    path = folder / CARD_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArtifactError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ArtifactError(f"{path} is not JSON: {error}") from error
    version = document.get("format_version") if isinstance(document, dict) else None
    if version != FORMAT_VERSION:
        raise ArtifactError(
            f"{path} has format version {version}; this release reads {FORMAT_VERSION}"
        )
    try:
        return Card.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ArtifactError(f"{path}: {where}: {first['msg']}") from error


def load(folder: Path) -> Artifact:
    """Read an artifact and verify its checksums, names, shapes and values.

    Raises:
        ArtifactError: If anything is missing or does not fit; nothing is half-loaded.
    """
    card = read_card(folder)
    for name in (WEIGHTS_FILE, TOKENIZER_FILE):
        if name not in card.sha256:
            raise ArtifactError(f"{folder / CARD_FILE} has no checksum of {name}")
    for name, expected in card.sha256.items():
        path = folder / name
        if path.parent != folder:
            raise ArtifactError(f"{folder / CARD_FILE} names a file outside its folder: {name}")
        try:
            actual = _sha256(path)
        except OSError as error:
            raise ArtifactError(f"cannot read {path}: {error.strerror}") from error
        if actual != expected:
            raise ArtifactError(f"{path} is damaged: its SHA-256 is not the recorded one")
    try:
        arrays = safetensors.numpy.load_file(folder / WEIGHTS_FILE)
        weights = decode(unpack(arrays, card.sparse_weights, card.architecture.shapes()))
        vocabulary = Vocabulary.read(folder / TOKENIZER_FILE)
    except (safetensors.SafetensorError, ValueError) as error:
        raise ArtifactError(f"{folder}: {error}") from error
    word_vectors = _load_word_vectors(folder, card.word_vectors) if card.word_vectors else None
    _check(weights, card.architecture, vocabulary, word_vectors, str(folder))
    size = (folder / WEIGHTS_FILE).stat().st_size
    return Artifact(card, weights, vocabulary, size, word_vectors)


def _save_word_vectors(folder: Path, word_vectors: WordVectors) -> VectorsFile:
    path = folder / f"{word_vectors.name}.safetensors"
    with tempfile.TemporaryDirectory(prefix=f".{path.stem}-", dir=folder) as staging:
        new = Path(staging) / path.name
        word_vectors.save(new)
        sha256 = _sha256(new)
        if not path.exists():
            new.rename(path)
        elif _sha256(path) != sha256:
            raise ArtifactError(f"{path} holds other word vectors, which other artifacts may need")
    return VectorsFile(file=path.name, sha256=sha256)


def _load_word_vectors(folder: Path, reference: VectorsFile) -> WordVectors:
    own, shared = folder / reference.file, folder.parent / reference.file
    path = own if own.exists() else shared
    try:
        actual = _sha256(path)
    except OSError as error:
        raise ArtifactError(
            f"{folder} reads with the word vectors {reference.file}, which must be in it or beside "
            f"it: {error.strerror}"
        ) from error
    if actual != reference.sha256:
        raise ArtifactError(f"{path} is not the file {folder} reads with: its SHA-256 differs")
    return _parse_word_vectors(path, actual)


@lru_cache(maxsize=4)
def _parse_word_vectors(path: Path, sha256: str) -> WordVectors:  # noqa: ARG001 - part of the key
    """Read once for all variants that share the file."""
    try:
        return WordVectors.read(path)
    except ValueError as error:
        raise ArtifactError(str(error)) from error


def _check(
    weights: Weights,
    architecture: Architecture,
    vocabulary: Vocabulary,
    word_vectors: WordVectors | None,
    where: str,
) -> None:
    shapes = architecture.shapes()
    if missing := sorted(set(shapes) - set(weights)):
        raise ArtifactError(f"{where} lacks the weight {missing[0]}")
    if unknown := sorted(set(weights) - set(shapes)):
        raise ArtifactError(f"{where} has a weight its architecture does not: {unknown[0]}")
    for name, shape in shapes.items():
        if weights[name].shape != shape:
            raise ArtifactError(f"{where}: {name} is {weights[name].shape}, should be {shape}")
        if not np.isfinite(weights[name]).all():
            raise ArtifactError(f"{where}: {name} holds values that are not finite")
    if len(vocabulary) != architecture.token_count:
        raise ArtifactError(
            f"{where}: {len(vocabulary)} entries in the tokenizer, "
            f"{architecture.token_count} in the architecture"
        )
    special = _special(architecture)
    if special not in vocabulary.ids:
        raise ArtifactError(f"{where}: the tokenizer has no {special}")
    wanted = architecture.word_vector_size if isinstance(architecture, BiDAFArchitecture) else None
    given = word_vectors.size if word_vectors is not None else None
    if wanted != given:
        raise ArtifactError(f"{where}: word vectors of length {given}, should be {wanted}")


def _special(architecture: Architecture) -> str:
    """What the tokenizer must have besides `UNKNOWN`."""
    padded = BiDAFArchitecture | ClassifierArchitecture
    return PADDING if isinstance(architecture, padded) else END


def _tokenizer_config(architecture: Architecture) -> dict[str, str | int | bool]:
    """What evaluation clients load the tokenizer with."""
    special = _special(architecture)
    names = ("pad_token",) if special == PADDING else ("bos_token", "eos_token")
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **dict.fromkeys(names, special),
        "unk_token": UNKNOWN,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 1_000_000,
    }


def _swap(staging: Path, folder: Path) -> None:
    """Move ``staging`` to ``folder``; a former ``folder`` is set aside first and then removed."""
    if not folder.exists():
        staging.rename(folder)
        return
    former = staging.with_name(staging.name + "-former")
    folder.rename(former)
    try:
        staging.rename(folder)
    except OSError:
        former.rename(folder)
        raise
    shutil.rmtree(former, ignore_errors=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
