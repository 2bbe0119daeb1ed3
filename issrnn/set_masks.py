"""Sparse Evolutionary Training (SET) of the recurrent and embedding layers of any torch module.

Liu et al. (2019), https://arxiv.org/abs/1901.09208: sparse LSTM cells and sparse embeddings that
start as random graphs and whose connections evolve while they are trained. The procedure is that of
Mocanu et al. (2018), https://doi.org/10.1038/s41467-018-04316-3.

Masks over dense parameters, so that it goes with every module, optimiser and device::

    evolution = SparseEvolution(model, epsilon=5.0)
    for epoch in range(epochs):
        for batch in batches:
            loss(model, batch).backward()
            evolution.mask_gradients_()
            optimizer.step()
            evolution.mask_weights_()
            optimizer.zero_grad()
        evolution.evolve_(optimizer)  # but not after the last epoch
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from issrnn.recurrent import cell_names

__all__ = ["Gates", "SparseEvolution", "count_weights", "erdos_renyi_count"]

Gates = Literal["apart", "together"]
"""Whether weights move within a gate's matrix, or among all gates of a layer's matrix."""


@dataclass(eq=False)
class _Sparse:
    """A parameter of which only some entries exist."""

    parameter: nn.Parameter
    gates: int
    """Blocks of rows, one a gate."""
    mask: Tensor
    """(R, C) bool: where a weight exists."""


class SparseEvolution:
    """Sparse weights of a module, and how they move; their number never changes.

    Sparse are the matrices of every ``nn.LSTM``, ``nn.GRU``, ``nn.RNN``, their cells, and of every
    ``nn.Embedding``; biases and all other layers stay dense. A tied matrix is sparse wherever it is
    used.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        epsilon: float,
        zeta: float = 0.3,
        gates: Gates = "apart",
        seed: int = 0,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        """Draw which weights exist, and set all others to zero.

        Args:
            model: On the device it is trained on; its initial weights stay where a weight exists.
            epsilon: Density at the start: an n x m matrix (of one gate) gets epsilon (n + m)
                weights, at most all, which is what an Erdos-Renyi graph has in the mean (Mocanu et
                al., Eq. 1), at random places.
            zeta: Fraction of the weights that `evolve_` moves.
            gates: ``together`` lets weights move from gate to gate of a layer, as Liu et al.
                (2021), https://arxiv.org/abs/2101.09048, found to help.
            seed: Of the places.
            state: What `state_dict` gave: the weights that exist are those of then, none is drawn,
                and what comes next is what came then. The model's weights may be loaded before or
                after.

        Raises:
            ValueError: If the model has no such layers, a layer's weights are no plain parameters,
                a number is out of range, or ``state`` is of a model with other sparse parameters.
        """
        if not epsilon > 0:
            raise ValueError(f"epsilon must be above 0, not {epsilon}")
        if not 0 <= zeta < 1:
            raise ValueError(f"zeta must be at least 0 and below 1, not {zeta}")
        if gates not in get_args(Gates):
            raise ValueError(f"gates must be one of {', '.join(get_args(Gates))}, not {gates!r}")
        self.zeta = zeta
        self.gates = gates
        self._generator = torch.Generator().manual_seed(seed)
        self._sparse: dict[str, _Sparse] = {}
        for name, parameter, count in _matrices(model):
            mask = torch.zeros(parameter.shape, dtype=torch.bool)
            for block in mask.chunk(count):
                self._draw_(block, epsilon)
            self._sparse[name] = _Sparse(parameter, count, mask.to(parameter.device))
        if not self._sparse:
            raise ValueError("the model has no recurrent and no embedding layers to make sparse")
        if state is not None:
            self.load_state_dict(state)
        self.mask_weights_()

    @property
    def masks(self) -> dict[str, Tensor]:
        """Where weights exist: bool, of the shape of each sparse parameter, by its name."""
        return {name: sparse.mask for name, sparse in self._sparse.items()}

    @property
    def counts(self) -> dict[str, int]:
        """How many weights exist of each sparse parameter, by its name."""
        return {name: int(sparse.mask.sum()) for name, sparse in self._sparse.items()}

    @torch.no_grad()
    def mask_gradients_(self) -> None:
        """Zero the gradients of weights that do not exist; before any clip of their norm."""
        for sparse in self._sparse.values():
            gradient = sparse.parameter.grad
            if gradient is None:
                continue
            if gradient.is_sparse:  # of an embedding: some of its rows
                gradient = sparse.parameter.grad = gradient.coalesce()
                gradient.values().mul_(sparse.mask[gradient.indices()[0]])
            else:
                gradient.masked_fill_(~sparse.mask, 0.0)

    @torch.no_grad()
    def mask_weights_(self) -> None:
        """Zero what does not exist, exactly; after every step of the optimiser.

        With masked gradients SGD and Adam leave it at zero anyway.
        """
        for sparse in self._sparse.values():
            sparse.parameter.masked_fill_(~sparse.mask, 0.0)

    @torch.no_grad()
    def evolve_(self, optimizer: torch.optim.Optimizer | None = None) -> dict[str, int]:
        """Move the fraction zeta of the weights, those nearest to zero; after an epoch.

        Of each matrix the smallest positive and the largest negative weights are removed, zeta of
        either sign, and as many are grown at random where there were none. A grown weight starts at
        zero, so that growing changes nothing the network computes. Where nearly all places are
        taken, fewer weights move.

        Args:
            optimizer: Every tensor of its state that has its parameter's shape (momentum, Adam's
                moments, averages) becomes zero where a weight was removed or grown.

        Returns:
            How many weights of each sparse parameter moved, by its name.
        """
        moved = {}
        for name, sparse in self._sparse.items():
            blocks = sparse.gates if self.gates == "apart" else 1
            pairs = zip(sparse.parameter.chunk(blocks), sparse.mask.chunk(blocks), strict=True)
            changed = torch.cat([self._rewire_(weight, mask) for weight, mask in pairs])
            moved[name] = int((changed & sparse.mask).sum())
            sparse.parameter.masked_fill_(changed, 0.0)
            if optimizer is not None:
                _zero_state_(optimizer, sparse.parameter, changed)
        return moved

    def state_dict(self) -> dict[str, Any]:
        """Masks, and the state of the generator: all that a training needs to go on alike."""
        masks = {name: mask.clone() for name, mask in self.masks.items()}
        return {"masks": masks, "generator": self._generator.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was called; the weights are left as they are.

        So they must be loaded after this object was made, which has masked what was there; given
        as ``state`` to the constructor, it masks nothing else.

        Raises:
            ValueError: If it is of a model with other sparse parameters.
        """
        masks = state["masks"]
        if {n: m.shape for n, m in masks.items()} != {n: m.shape for n, m in self.masks.items()}:
            raise ValueError("the masks are of a model with other sparse parameters")
        for name, sparse in self._sparse.items():
            sparse.mask.copy_(masks[name])
        self._generator.set_state(state["generator"])

    def _draw_(self, mask: Tensor, epsilon: float) -> None:
        """Let weights exist at random places of an empty (n, m) mask."""
        rows, columns = mask.shape
        count = erdos_renyi_count(rows, columns, epsilon)
        places = torch.randperm(mask.numel(), generator=self._generator)[:count]
        mask[places // columns, places % columns] = True

    def _rewire_(self, weight: Tensor, mask: Tensor) -> Tensor:
        """Change the mask of one matrix; returns (n, m) bool: where it was removed or grown.

        A place that was removed from is not grown on at once.
        """
        places = mask.flatten().nonzero().flatten()
        free = (~mask).flatten().nonzero().flatten()
        values = weight[mask]  # in the order of places
        dying = torch.cat(
            [self._nearest_to_zero(values, side) for side in (values >= 0, values < 0)]
        )
        if len(dying) > len(free):
            dying = dying[values[dying].abs().argsort(stable=True)[: len(free)]]
        removed, grown = places[dying], self._shuffle(free)[: len(dying)]
        changed = torch.zeros_like(mask)
        for moved, exists in ((removed, False), (grown, True)):
            rows, columns = moved // mask.shape[1], moved % mask.shape[1]
            mask[rows, columns] = exists
            changed[rows, columns] = True
        return changed

    def _nearest_to_zero(self, values: Tensor, side: Tensor) -> Tensor:
        """Indices of the fraction zeta of the values on one side of zero that is nearest to it.

        Of equal values (zeros, where weights grew that no gradient reached) chance decides, not
        their place.
        """
        indices = self._shuffle(side.nonzero().flatten())
        order = values[indices].abs().argsort(stable=True)
        return indices[order[: int(self.zeta * len(indices))]]

    def _shuffle(self, indices: Tensor) -> Tensor:
        order = torch.randperm(len(indices), generator=self._generator)
        return indices[order.to(indices.device)]


def erdos_renyi_count(n: int, m: int, epsilon: float) -> int:
    """Weights of a sparse n x m matrix: epsilon (n + m), at least one and at most all."""
    return min(n * m, max(1, round(epsilon * (n + m))))


def count_weights(model: nn.Module) -> int:
    """Weights of a model that was trained so: of its sparse matrices, those that are not zero."""
    every = sum(parameter.numel() for parameter in model.parameters())
    return every - sum(int((matrix == 0).sum()) for _, matrix, _ in _matrices(model))


def _matrices(model: nn.Module) -> Iterator[tuple[str, nn.Parameter, int]]:
    """Name and gates of every matrix that is made sparse, each once."""
    seen: set[int] = set()
    for path, module in model.named_modules():
        if isinstance(module, nn.Embedding):
            wanted = {"weight": 1}
        elif isinstance(module, nn.RNNBase | nn.RNNCellBase):
            wanted = _recurrent_matrices(module)
        else:
            continue
        own = dict(module.named_parameters(recurse=False, remove_duplicate=False))
        for kind, gates in wanted.items():
            name = f"{path}.{kind}" if path else kind
            if kind not in own:
                raise ValueError(
                    f"{name} is no plain parameter (a parametrization or weight drop computes it): "
                    "remove it first"
                )
            if id(own[kind]) not in seen:
                seen.add(id(own[kind]))
                yield name, own[kind], gates


def _recurrent_matrices(module: nn.RNNBase | nn.RNNCellBase) -> dict[str, int]:
    """The gates of each weight matrix of a recurrent module, by its name in the module."""
    if isinstance(module, nn.RNNCellBase):
        gates = module.weight_hh.shape[0] // module.hidden_size
        return {"weight_ih": gates, "weight_hh": gates}
    cells = cell_names(module.num_layers, 1 + module.bidirectional)
    gates = {"LSTM": 4, "GRU": 3}.get(module.mode, 1)
    wanted = {f"weight_{kind}_{cell}": gates for cell in cells for kind in ("ih", "hh")}
    if module.proj_size:
        wanted |= {f"weight_hr_{cell}": 1 for cell in cells}
    return wanted


def _zero_state_(
    optimizer: torch.optim.Optimizer, parameter: nn.Parameter, changed: Tensor
) -> None:
    for value in optimizer.state.get(parameter, {}).values():
        if isinstance(value, Tensor) and value.shape == parameter.shape:
            value.masked_fill_(changed, 0.0)
