"""Stacked LSTM, GRU or RNN layers as nodes of an ONNX graph."""

from __future__ import annotations

from collections.abc import Sequence

from issrnn.architecture import Cell, ClassifierArchitecture, RecurrentLanguageModel
from service.engines.onnx_graph import OnnxGraph
from service.engines.states import state_names

__all__ = ["add_stacked_layers"]


def add_stacked_layers(
    graph: OnnxGraph,
    architecture: RecurrentLanguageModel | ClassifierArchitecture,
    activations: str,
) -> str:
    """Add the layers, and each entry of the state after its row's last step, with ``_after``.

    Args:
        graph: Has ``lengths`` (B,) int32, and the state before as `state_names` calls it, each
            (B, H).
        architecture: Cell and sizes.
        activations: Name of the word vectors, (T, B, E).

    Returns:
        The name of the last layer's outputs, (T, B, H).
    """
    names = state_names(architecture)
    per_layer = len(names) // len(architecture.layer_names)
    for layer, module in enumerate(architecture.layer_names):
        entries = names[layer * per_layer : (layer + 1) * per_layer]
        activations = _add_layer(graph, module, architecture.cell, entries, activations)
    return activations


def _add_layer(
    graph: OnnxGraph, module: str, cell: Cell, entries: Sequence[str], activations: str
) -> str:
    first = graph.integers(0)
    outputs = graph.recurrent(
        module,
        cell,
        activations,
        "lengths",
        # (B, H) -> (1, B, H)
        before=[graph.node("Unsqueeze", [entry, first], f"{entry}_before") for entry in entries],
        after=[f"{entry}_last" for entry in entries],
    )
    for entry in entries:
        graph.node("Squeeze", [f"{entry}_last", first], f"{entry}_after")
    return outputs
