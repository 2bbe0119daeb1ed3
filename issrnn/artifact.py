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
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

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
from issrnn.durable import only_writer, whole_folder, write_file
from issrnn.invalid import first_problem
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
    """Write an artifact whole: ``folder`` holds the former one or, on the disk, all of the new one.

    That is so at any moment, also where the process is killed or the machine stops (on systems that
    exchange two folders in one step, as Linux does; for others see `issrnn.durable`).

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
        with only_writer(folder.parent):
            if word_vectors is not None:
                reference = _save_word_vectors(folder.parent, word_vectors)
                card = card.model_copy(update={"word_vectors": reference})
            with whole_folder(folder) as staging:
                card = _write_files(staging, card, arrays, vocabulary)
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
    if not isinstance(document, dict):
        raise ArtifactError(f"{path} is no JSON object")
    version = document.get("format_version")
    if version != FORMAT_VERSION:
        raise ArtifactError(
            f"{path} has format version {version}; this release reads {FORMAT_VERSION}"
        )
    try:
        return Card.model_validate(document)
    except ValidationError as error:
        raise ArtifactError(f"{path}: {first_problem(error)}") from error


def load(folder: Path) -> Artifact:
    """Read an artifact and verify its checksums, names, shapes and values.

    If another one takes its place meanwhile, that is read.

    Raises:
        ArtifactError: If anything is missing or does not fit; nothing is half-loaded.
    """
    card = read_card(folder)
    try:
        return _load(folder, card)
    except ArtifactError:
        if read_card(folder) == card:
            raise
    return load(folder)


def _load(folder: Path, card: Card) -> Artifact:
    """What a card is of; each file is read once, so that what was verified is what is parsed."""
    for name in (WEIGHTS_FILE, TOKENIZER_FILE):
        if name not in card.sha256:
            raise ArtifactError(f"{folder / CARD_FILE} has no checksum of {name}")
    for name in card.sha256:
        if name not in (WEIGHTS_FILE, TOKENIZER_FILE):
            _read_verified(folder, name, card)
    tokenizer = _read_verified(folder, TOKENIZER_FILE, card)
    content = _read_verified(folder, WEIGHTS_FILE, card)
    size = len(content)
    try:
        vocabulary = Vocabulary.from_json(tokenizer, folder / TOKENIZER_FILE)
        arrays = safetensors.numpy.load(content)
        del content  # three copies of the weights would be one too many
        weights = decode(unpack(arrays, card.sparse_weights, card.architecture.shapes()))
    except (safetensors.SafetensorError, ValueError) as error:
        raise ArtifactError(f"{folder}: {error}") from error
    except KeyError as error:  # safetensors' table of numpy's types
        raise ArtifactError(f"{folder}: {WEIGHTS_FILE} holds numbers of type {error}") from error
    word_vectors = _load_word_vectors(folder, card.word_vectors) if card.word_vectors else None
    _check(weights, card.architecture, vocabulary, word_vectors, str(folder))
    return Artifact(card, weights, vocabulary, size, word_vectors)


def _read_verified(folder: Path, name: str, card: Card) -> bytes:
    path = folder / name
    if path.parent != folder:
        raise ArtifactError(f"{folder / CARD_FILE} names a file outside its folder: {name}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"cannot read {path}: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != card.sha256[name]:
        raise ArtifactError(f"{path} is damaged: its SHA-256 is not the recorded one")
    return content


def _write_files(
    folder: Path, card: Card, arrays: Mapping[str, NDArray[Any]], vocabulary: Vocabulary
) -> Card:
    """Fill an empty folder, and complete the card."""
    safetensors.numpy.save_file(dict(arrays), folder / WEIGHTS_FILE)
    (folder / TOKENIZER_FILE).write_text(vocabulary.to_json(), encoding="utf-8")
    settings = json.dumps(_tokenizer_config(card.architecture), indent=2)
    (folder / TOKENIZER_CONFIG_FILE).write_text(settings, encoding="utf-8")
    card = card.model_copy(
        update={"sha256": {file.name: _sha256(file) for file in sorted(folder.iterdir())}}
    )
    text = card.model_dump_json(indent=2) + "\n"
    (folder / CARD_FILE).write_text(text, encoding="utf-8")
    for file in folder.iterdir():
        file.chmod(0o644)  # safetensors writes for its owner alone; services run as others
    folder.chmod(0o755)
    return card


def _save_word_vectors(folder: Path, word_vectors: WordVectors) -> VectorsFile:
    path = folder / f"{word_vectors.name}.safetensors"
    content = word_vectors.to_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    if not path.exists():
        write_file(path, content)
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
def _parse_word_vectors(path: Path, sha256: str) -> WordVectors:
    """Read once for all variants that share the file."""
    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ArtifactError(f"{path} was replaced while it was read")
        return WordVectors.from_bytes(content, path)
    except OSError as error:
        raise ArtifactError(f"cannot read {path}: {error.strerror}") from error
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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
