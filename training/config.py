"""The validated description of a training run: what the runs of every task have in common."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PlainSerializer,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from issrnn.invalid import first_problem
from issrnn.set_masks import Gates
from training.errors import ConfigError
from training.fast_lstm import Precision

__all__ = ["RunConfig", "Share", "override"]

Share = Annotated[float, Field(gt=0, le=1)]
"""More than nothing, at most all."""

NormLimit = Annotated[
    float,
    Field(gt=0, allow_inf_nan=True),
    # JSON has no number for infinity, but this text is read as one.
    PlainSerializer(lambda limit: "Infinity" if math.isinf(limit) else limit, when_used="json"),
]
"""Above nothing, and perhaps infinite."""

C = TypeVar("C", bound="RunConfig")

_SCHEDULE = frozenset({"epochs", "flat_epochs", "decay", "lambda_epochs", "lambda_after"})
"""Fields that matter in some epochs only."""


class RunConfig(BaseModel):
    """What the runs of every task have in common."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False
    )

    task: Literal["score", "answer", "classify"]
    """What the trained model will be served for."""
    preset: str
    """Name of the preset this came from."""
    variant: Literal["dense", "iss", "l1", "direct", "set"]
    """What the trained model is, on its artifact's card."""
    start_from: str | None = None
    """Run whose best weights training starts from; None starts from random weights."""

    hidden_sizes: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    """Units of each recurrent layer at the start, first to last."""
    keep: Share = 1.0
    """Probability that an activation survives drop-out on the non-recurrent connections."""

    epochs: PositiveInt
    """Passes over the training split."""
    batch_size: PositiveInt
    """Sequences read side by side."""
    learning_rate: PositiveFloat
    """Of the first epochs."""
    flat_epochs: NonNegativeInt
    """Epochs at the full learning rate."""
    decay: Share
    """Factor on the learning rate for each epoch after these."""
    clip: NormLimit
    """Largest Euclidean norm of all gradients together; infinity clips none."""

    lambda_: NonNegativeFloat = Field(default=0.0, alias="lambda")
    """Strength of group lasso (paper Eq. 2); 0 trains without."""
    lambda_epochs: PositiveInt | None = None
    """Epochs at this strength; None: all. A smaller one after them lets the components that are
    left recover from the shrinkage that emptied the others (as the relaxed lasso does)."""
    lambda_after: NonNegativeFloat = 0.0
    """Strength after ``lambda_epochs``."""
    lasso: Literal["proximal", "gradient"] = "proximal"
    """Cut each group's length by lr x lambda after the update, or add the term to the gradient."""
    leave_out: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Recurrent layers that are not regularised, by the start of their names."""
    tau: NonNegativeFloat = 0.0
    """Weights of the groups below this are set to zero after every mini-batch; 0: none are."""
    final_tau: NonNegativeFloat = 0.0
    """The same once, on the best weights at the end; the model is then shrunk. 0: it is not."""
    l1: NonNegativeFloat = 0.0
    """Strength of plain l1 on the weights of the groups (paper appendix A)."""
    shrink_every: NonNegativeInt = 200
    """Mini-batches between removals of dead components while training; 0 never removes."""

    epsilon: NonNegativeFloat = 0.0
    """SET: an n x m matrix, of an embedding or of a gate of a recurrent layer, has epsilon (n + m)
    weights throughout training; 0: all."""
    zeta: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """SET: fraction of these weights that moves after each epoch but the last."""
    gates: Gates = "apart"
    """SET: whether weights move within a gate, or among all gates of a layer (together)."""

    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Of the large matrix products; auto takes bf16 where the CPU multiplies it in hardware."""
    recurrent: Literal["auto", "fast", "torch"] = "auto"
    """This project's LSTM for CPUs or torch's own layers; auto takes the fast one where it fits."""
    log_every: PositiveInt = 200
    """Mini-batches between lines of the log."""
    seed: Annotated[int, Field(ge=0, lt=2**64)] = 1
    """Of weights, drop-out and the order of examples."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.variant == "iss" and not self.lambda_:
            raise ValueError("variant 'iss' needs lambda above 0")
        if self.variant == "l1" and not self.l1:
            raise ValueError("variant 'l1' needs l1 above 0")
        if (self.variant == "set") != bool(self.epsilon):
            raise ValueError("variant 'set' needs epsilon above 0, and only it has one")
        if self.variant in ("dense", "direct") and self.regularises_groups:
            raise ValueError(
                f"lambda, l1 and tau remove components, which variant {self.variant!r} keeps: "
                "take an -iss or -l1 preset"
            )
        if self.epsilon and (self.regularises_groups or self.final_tau):
            raise ValueError("epsilon keeps the number of weights, lambda, l1 and tau do not")
        if self.lambda_after and self.lambda_epochs is None:
            raise ValueError("lambda_after needs lambda_epochs: after how many epochs it applies")
        if self.lambda_after and not self.lambda_:
            raise ValueError("lambda_after needs lambda above 0, which it follows")
        if self.lambda_epochs is not None and not self.lambda_:
            raise ValueError("lambda_epochs needs lambda above 0, which it ends")
        if self.flat_epochs > self.epochs and self.decay == 1:
            raise ValueError("flat_epochs is above epochs and decay is 1: one of them is a mistake")
        return self

    @property
    def product_precision(self) -> Precision:
        """Precision of matrix products in a resolved config (without ``auto``)."""
        if self.precision == "auto":
            raise ValueError("precision 'auto' must be resolved first")
        return self.precision

    @property
    def regularises_groups(self) -> bool:
        """Whether training does anything to the ISS weight groups."""
        return bool(self.lambda_ or self.l1 or self.tau)

    def prefers_fast_layers(self, precision: Precision) -> bool:
        """Whether ``recurrent`` 'auto' means 'fast' on a CPU, with products of this precision."""
        return precision == "bf16"  # in fp32 torch's LSTM is faster

    @property
    def needs_fast_layers(self) -> bool:
        """Whether torch's own layers cannot do what the config asks, on any device."""
        return False

    def learning_rate_in(self, epoch: int) -> float:
        """Learning rate in an epoch, counted from 0."""
        return float(self.learning_rate * self.decay ** max(epoch + 1 - self.flat_epochs, 0))

    def lambda_in(self, epoch: int) -> float:
        """Strength of group lasso in an epoch, counted from 0."""
        if self.lambda_epochs is None or epoch < self.lambda_epochs:
            return self.lambda_
        return self.lambda_after

    def removes_components_in(self, epoch: int) -> bool:
        """Whether lambda will fall after this epoch, counted from 0, or l1 goes on to the end.

        Until then components die, and a later epoch's weights are kept even if they are worse:
        an earlier epoch's are better only because they are of a larger network.
        """
        if self.variant == "l1":
            return True
        return self.lambda_epochs is not None and epoch < self.lambda_epochs

    def goes_on_from(self, former: RunConfig, epochs: int) -> bool:
        """Whether a run of another config, so many epochs of which have begun, can go on by this.

        It can if only the schedule differs, and in none of these epochs. A sparse run cannot: no
        connection moves after what it took for its last epoch.
        """
        rest = {name for name in type(self).model_fields if name not in _SCHEDULE}
        if self.epsilon or self.model_dump(include=rest) != former.model_dump(include=rest):
            return False
        return epochs <= self.epochs and all(
            self.learning_rate_in(epoch) == former.learning_rate_in(epoch)
            and self.lambda_in(epoch) == former.lambda_in(epoch)
            and self.removes_components_in(epoch) == former.removes_components_in(epoch)
            for epoch in range(epochs)
        )

    def to_document(self) -> dict[str, Any]:
        """As JSON values, under the names ``--set`` takes."""
        return self.model_dump(mode="json", by_alias=True)

    @classmethod
    def from_document(cls, document: object, where: str) -> Self:
        """Check what `to_document` gave.

        Args:
            document: Parsed JSON.
            where: Named in the error, such as a file.

        Raises:
            ConfigError: Naming the first field that is wrong.
        """
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            first = error.errors()[0]
            got = f" (got {first['input']!r})" if first["loc"] else ""
            raise ConfigError(f"{where}: {first_problem(error)}{got}") from error


def override(config: C, assignments: Sequence[str], option: str = "--set") -> C:
    """The config with ``field=value`` assignments made, as given to an option.

    Tuples are written with commas (``hidden_sizes=373,315``), no value as ``none``.

    Raises:
        ConfigError: If a field is unknown (names the nearest) or a value does not fit.
    """
    document = config.to_document()
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        name = name.strip()
        if not separator:
            raise ConfigError(f"{option} {assignment}: write it as field=value")
        fields = [field for field in document if field not in ("preset", "task")]
        if name not in fields:
            near = difflib.get_close_matches(name, fields, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; one of {', '.join(fields)}"
            raise ConfigError(f"{option} {assignment}: no field {name!r}{hint}")
        document[name] = _parse(text.strip(), is_tuple=isinstance(document[name], list))
    return type(config).from_document(document, f"{option} " + " ".join(assignments))


def _parse(text: str, *, is_tuple: bool) -> str | list[str] | None:
    if is_tuple:
        return [part.strip() for part in text.split(",")] if text else []
    return None if text.lower() == "none" else text
