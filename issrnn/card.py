"""An artifact's card: what a model is, how it was made and measured, and what its files must be."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, NonNegativeInt, model_validator

from issrnn.architecture import Architecture, ClassifierArchitecture
from issrnn.number_storage import NumberType
from issrnn.reading.rules import Reading

__all__ = ["FORMAT_VERSION", "ArtifactName", "Card", "Provenance", "VectorsFile"]

FORMAT_VERSION: Literal[1] = 1

ArtifactName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
"""What an artifact, and its folder, may be called."""

_TASKS = {"bidaf": "answer", "classifier": "classify"}
"""What each kind of architecture does; all others score texts."""


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
    name: ArtifactName
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
    labels: tuple[str, ...] | None = None
    """Name of each output; for the task classify."""
    weights_dtype: NumberType = "float32"
    """How the weights are stored; they are read back as fp32."""
    sparse_weights: dict[str, NonNegativeInt] = {}
    """Matrices of which only the weights that are not zero are stored, and how many these are;
    filled in by `save`."""
    metrics: dict[str, FiniteFloat]
    """Measured on the stored weights, such as ``{"test_perplexity": 82.1}``."""
    provenance: Provenance
    sha256: dict[str, str] = {}
    """Checksum of every other file of the folder; filled in by `save`."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        kind, task = self.architecture.kind, self.task
        if task != _TASKS.get(kind, "score"):
            raise ValueError(f"a {kind} does not do the task {task}")
        for field, of_task in (("reading", "answer"), ("labels", "classify")):
            if (getattr(self, field) is not None) != (task == of_task):
                wanted = "" if task == of_task else "not "
                raise ValueError(f"{field} must {wanted}be given for a {task}")
        if isinstance(self.architecture, ClassifierArchitecture):
            self._check_labels(self.architecture.label_count)
        return self

    def _check_labels(self, count: int) -> None:
        labels = self.labels or ()
        if len(set(labels)) != count or len(labels) != count or not all(labels):
            raise ValueError(f"labels must be {count} different names, not {list(labels)}")
