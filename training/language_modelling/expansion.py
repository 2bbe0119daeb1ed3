"""A shrunk network at its former size again, zeros in place, to show what was removed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

import issrnn
from issrnn.architecture import GATES, LanguageModelArchitecture
from issrnn.networks import LanguageModel, RecurrentHighwayNetwork
from training.language_modelling.network import AnyLanguageModel

__all__ = ["expand_network"]


@torch.no_grad()
def expand_network(
    model: AnyLanguageModel, kept: Sequence[Sequence[int]], sizes: Sequence[int]
) -> AnyLanguageModel:
    """The sparse network that live shrinking made ``model`` of: the same outputs, former sizes.

    Args:
        model: Shrunk.
        kept: Former index of each unit, layer by layer.
        sizes: Former number of units of each layer.

    Raises:
        ValueError: If ``kept`` does not fit the model or the sizes.
    """
    _check(kept, model.architecture, sizes)
    if isinstance(model, RecurrentHighwayNetwork):
        return _expand_highway(model, kept[0], tuple(sizes))
    return _expand_stacked(model, kept, tuple(sizes))


def _check(
    kept: Sequence[Sequence[int]], small: LanguageModelArchitecture, sizes: Sequence[int]
) -> None:
    if [len(units) for units in kept] != list(small.hidden_sizes):
        raise ValueError(f"kept units {[len(u) for u in kept]}, but sizes {small.hidden_sizes}")
    if any(max(units) >= size for units, size in zip(kept, sizes, strict=True)):
        raise ValueError(f"a kept unit lies beyond the former sizes {tuple(sizes)}")


def _expand_stacked(
    model: LanguageModel, kept: Sequence[Sequence[int]], sizes: tuple[int, ...]
) -> LanguageModel:
    small = model.architecture
    wide = LanguageModel(small.model_copy(update={"hidden_sizes": sizes}))
    wide.to(model.decoder.weight.dtype)
    gates = GATES[small.cell]
    inputs = torch.arange(small.embedding_size)
    for layer, (units, size) in enumerate(zip(kept, sizes, strict=True)):
        own = torch.tensor(list(units))
        rows = torch.cat([own + gate * size for gate in range(gates)])
        for name, columns in (("weight_ih_l0", inputs), ("weight_hh_l0", own)):
            _fill(wide, model, f"layers.{layer}.{name}", rows, columns)
        for name in ("bias_ih_l0", "bias_hh_l0"):
            _fill(wide, model, f"layers.{layer}.{name}", rows)
        inputs = own
    _fill(wide, model, "decoder.weight", torch.arange(small.vocabulary_size), inputs)
    wide.decoder.bias.copy_(model.decoder.bias)
    wide.embedding.weight.copy_(model.embedding.weight)
    return wide.eval()


def _expand_highway(
    model: RecurrentHighwayNetwork, units: Sequence[int], sizes: tuple[int, ...]
) -> RecurrentHighwayNetwork:
    """Where each unit's weights lie, the groups of the network at its former size tell."""
    wide = RecurrentHighwayNetwork(model.architecture.model_copy(update={"hidden_sizes": sizes}))
    wide.to(model.embedding.weight.dtype)
    own = torch.tensor(list(units))
    places = {
        (part.parameter, part.axis): part.positions[torch.isin(part.components, own)]
        for group in issrnn.declare_groups(wide, wide.declaration)
        for part in group.slices
    }
    for name, parameter in wide.named_parameters():
        rows, *columns = (
            places.get((name, axis), torch.arange(length))
            for axis, length in enumerate(parameter.shape)
        )
        _fill(wide, model, name, rows, *columns)
    return wide.eval()


def _fill(
    wide: AnyLanguageModel,
    small: AnyLanguageModel,
    name: str,
    rows: Tensor,
    columns: Tensor | None = None,
) -> None:
    target = wide.get_parameter(name).zero_()
    index = rows if columns is None else (rows[:, None], columns)
    target[index] = small.get_parameter(name)
