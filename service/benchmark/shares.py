"""The share of an engine's time that the layers take which ISS makes smaller.

Wen et al. (ICLR 2018), section 4.2, find 76.47% for the modelling and output layers of dense BiDAF.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from issrnn.architecture import Architecture, BiDAFArchitecture
from issrnn.artifact import Artifact
from service.benchmark.record import Share
from service.benchmark.workloads import random_items
from service.engines import Engine, EngineName, create_engine, engines_of

__all__ = ["share_of_layers", "sparsified_layers", "time_shares"]

_WARM_UP_ROUNDS = 2
_NODE_TIME = "_kernel_time"
_WITH_GRAPHS = {"If", "Scan"}
"""Nodes whose time is that of other nodes in the record."""


def sparsified_layers(architecture: Architecture) -> list[str]:
    """The recurrent layers that ISS makes smaller; BiDAF's contextual ones are left as they are."""
    return [
        name
        for name in architecture.layer_names
        if not (isinstance(architecture, BiDAFArchitecture) and name.startswith("contextual"))
    ]


def time_shares(
    artifacts: Sequence[Artifact], engines: Sequence[EngineName], rounds: int
) -> list[Share]:
    """The share of the sparsified layers in each model's time on each engine."""
    shares = []
    for artifact in artifacts:
        architecture = artifact.card.architecture
        layers = sparsified_layers(architecture)
        shares += [
            Share(
                engine=name,
                model=artifact.card.name,
                variant=artifact.card.variant,
                hidden_sizes=architecture.hidden_sizes,
                layers=layers,
                share=share_of_layers(artifact, name, layers, rounds),
            )
            for name in engines
            if name in engines_of(artifact.card)
        ]
    return shares


def share_of_layers(
    artifact: Artifact, name: EngineName, layers: Sequence[str], rounds: int
) -> float:
    """Which part of the time of single items some layers take, on one thread.

    Medians over the rounds are added up, so that a moment in which the machine did something else
    does not count.

    Args:
        artifact: The model.
        name: The engine. Of onnxruntime, the times of its graph's nodes are added up, without what
            it takes to record them; torch's modules are timed from outside.
        layers: Names of modules.
        rounds: Timed calls.

    Returns:
        0 to 1.
    """
    generator = np.random.default_rng(0)
    architecture = artifact.card.architecture
    items = [random_items(architecture, generator, 1) for _ in range(_WARM_UP_ROUNDS + rounds)]
    if name.startswith("torch"):
        return _share_of_modules(create_engine(name, artifact, 1), layers, items)
    with tempfile.TemporaryDirectory() as folder:
        engine: Any = create_engine(name, artifact, 1, profile=Path(folder) / "profile")
        for batch in items:
            engine.compute(batch)
        return _share_of_nodes(Path(engine.session.end_profiling()), layers, len(items))


def _share_of_nodes(profile: Path, layers: Sequence[str], calls: int) -> float:
    """From onnxruntime's record: one event for each time that a node was run."""
    times: dict[str, list[int]] = defaultdict(list)
    for event in json.loads(profile.read_text(encoding="utf-8")):
        if (
            event["cat"] == "Node"
            and event["name"].endswith(_NODE_TIME)
            and event["args"]["op_name"] not in _WITH_GRAPHS
        ):
            times[event["name"].removesuffix(_NODE_TIME)].append(event["dur"])
    of_call = {}
    for name, of_node in times.items():
        repeats = len(of_node) // calls  # a loop's nodes run at each of its steps
        of_call[name] = repeats * statistics.median(of_node[_WARM_UP_ROUNDS * repeats :])
    # nodes are named after their layer, an int8 node after the one whose place it takes
    begins = tuple(f"{layer}{mark}" for layer in layers for mark in (".", "_quant"))
    of_layers = (name for name in of_call if name in layers or name.startswith(begins))
    return sum(of_call[name] for name in of_layers) / sum(of_call.values())


def _share_of_modules(
    engine: Engine[Any, Any], layers: Sequence[str], items: Sequence[Sequence[Any]]
) -> float:
    times: dict[str, list[float]] = {layer: [] for layer in layers}
    begun = 0.0

    def begin(*_: object) -> None:
        nonlocal begun
        begun = time.perf_counter()

    def end(layer: str, *_: object) -> None:
        times[layer].append(time.perf_counter() - begun)

    model: Any = engine.model  # type: ignore[attr-defined] # the torch engines' own
    for layer in layers:
        module = model.get_submodule(layer)
        module.register_forward_pre_hook(begin)
        module.register_forward_hook(partial(end, layer))
    whole = []
    for batch in items:
        started = time.perf_counter()
        engine.compute(batch)
        whole.append(time.perf_counter() - started)
    return sum(_median(of_layer) for of_layer in times.values()) / _median(whole)


def _median(times: Sequence[float]) -> float:
    return statistics.median(times[_WARM_UP_ROUNDS:])
