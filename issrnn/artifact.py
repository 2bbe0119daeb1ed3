"""The artifact: one folder that holds a trained model, everything needed to serve it, and its card.

``config.json`` (this module's `Card`), ``model.safetensors`` (weights in torch's names and layout,
fp32 or fp16), ``tokenizer.json`` and ``tokenizer_config.json``. No pickle, no torch.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from issrnn.architecture import Architecture
from issrnn.vocabulary import END, UNKNOWN, Vocabulary

__all__ = [
    "FORMAT_VERSION",
    "Artifact",
    "ArtifactError",
    "Card",
    "Provenance",
    "load",
    "read_card",
    "save",
]

FORMAT_VERSION: Literal[1] = 1

CARD_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
TOKENIZER_FILE = "tokenizer.json"
TOKENIZER_CONFIG_FILE = "tokenizer_config.json"

Weights = Mapping[str, NDArray[np.float32]]


class ArtifactError(Exception):
    """An artifact cannot be read or written; the message names the file and what is wrong."""


class Provenance(BaseModel):
    """How a model was made, so that it can be made again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: str
    command: str
    """The shell command that makes it again."""
    seed: int
    commit: str
    """Git commit of this project that trained it."""
    created: str
    """UTC time, ISO 8601."""
    machine: str
    wall_time_seconds: float
    training: dict[str, Any]
    """The complete training configuration."""
    data_sha256: dict[str, str]
    """Checksum of each data file."""
    notes: str = ""


class Card(BaseModel):
    """What an artifact says of itself: the content of ``config.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1] = FORMAT_VERSION
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    """Such as ``ptb-lstm-small-iss``."""
    task: Literal["score", "answer", "classify"]
    variant: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    """Such as ``dense``, ``iss``, ``set`` or ``direct``."""
    architecture: Architecture
    dense_hidden_sizes: tuple[int, ...] | None = None
    """ISS sizes before shrinking; None if the model was not shrunk."""
    weights_dtype: Literal["float32", "float16"] = "float32"
    """How the weights are stored; they are computed with in fp32."""
    metrics: dict[str, float]
    """Measured on the stored weights, such as ``{"test_perplexity": 82.1}``."""
    provenance: Provenance
    sha256: dict[str, str] = {}
    """Checksum of every other file; filled in by `save`."""


@dataclass(frozen=True, eq=False)
class Artifact:
    """An artifact in memory; weights are fp32 whatever they are stored as."""

    card: Card
    weights: Weights
    vocabulary: Vocabulary
    bytes: int
    """Size of ``model.safetensors`` on disk."""

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(weight.size for weight in self.weights.values())


def save(folder: Path, card: Card, weights: Weights, vocabulary: Vocabulary) -> Card:
    """Write an artifact whole; after a failure ``folder`` holds what it held before.

    Args:
        folder: Written anew; a former artifact there is replaced.
        card: Its checksums are filled in here.
        weights: fp32 arrays with exactly the architecture's names and shapes.
        vocabulary: One word for each row of the embedding.

    Returns:
        The card as written.

    Raises:
        ArtifactError: If names or shapes are wrong, a weight is not finite, or the disk is full.
    """
    _check_weights(weights, card.architecture, vocabulary, str(folder))
    stored = {name: array.astype(card.weights_dtype) for name, array in weights.items()}
    for name, array in stored.items():
        if not np.isfinite(array).all():
            raise ArtifactError(f"{folder}: {name} is not finite as {card.weights_dtype}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            safetensors.numpy.save_file(stored, staging / WEIGHTS_FILE)
            (staging / TOKENIZER_FILE).write_text(vocabulary.to_json(), encoding="utf-8")
            (staging / TOKENIZER_CONFIG_FILE).write_text(_TOKENIZER_CONFIG, encoding="utf-8")
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
    except OSError as error:
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
        stored = safetensors.numpy.load_file(folder / WEIGHTS_FILE)
        vocabulary = Vocabulary.read(folder / TOKENIZER_FILE)
    except (safetensors.SafetensorError, ValueError) as error:
        raise ArtifactError(f"{folder}: {error}") from error
    weights = {name: array.astype(np.float32) for name, array in stored.items()}
    _check_weights(weights, card.architecture, vocabulary, str(folder))
    return Artifact(card, weights, vocabulary, (folder / WEIGHTS_FILE).stat().st_size)


def _check_weights(
    weights: Weights, architecture: Architecture, vocabulary: Vocabulary, where: str
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
    if len(vocabulary) != architecture.vocabulary_size:
        raise ArtifactError(
            f"{where}: {len(vocabulary)} words in the tokenizer, "
            f"{architecture.vocabulary_size} in the architecture"
        )


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


_TOKENIZER_CONFIG = json.dumps(
    {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": END,
        "eos_token": END,
        "unk_token": UNKNOWN,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 1_000_000,
    },
    indent=2,
)
