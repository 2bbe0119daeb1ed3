"""An artifact's card: what a model is, how it was made and measured, and what its files must be."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from issrnn.architecture import Architecture, BiDAFArchitecture
from issrnn.reading.rules import Reading

__all__ = ["FORMAT_VERSION", "Card", "Provenance", "VectorsFile"]

FORMAT_VERSION: Literal[1] = 1


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


class VectorsFile(BaseModel):
    """The file of word vectors a model reads with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*\.safetensors$")]
    """Its name, in the artifact's folder or beside it."""
    sha256: str


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
    reading: Reading | None = None
    """How texts are read and answers are found; for the task answer."""
    word_vectors: VectorsFile | None = None
    """What words are read as, where they are no weights of the model."""
    weights_dtype: Literal["float32", "float16"] = "float32"
    """How the weights are stored; they are computed with in fp32."""
    metrics: dict[str, float]
    """Measured on the stored weights, such as ``{"test_perplexity": 82.1}``."""
    provenance: Provenance
    sha256: dict[str, str] = {}
    """Checksum of every other file of the folder; filled in by `save`."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        reads = isinstance(self.architecture, BiDAFArchitecture)
        if reads != (self.task == "answer"):
            raise ValueError(f"a {self.architecture.kind} does not do the task {self.task}")
        if reads != (self.reading is not None):
            raise ValueError(f"reading must {'' if reads else 'not '}be given for a {self.task}")
        return self
