"""A classifier as an ONNX graph that reads a padded batch of chunks of texts.

The network is `issrnn.networks.classifier.Classifier`.
"""

from __future__ import annotations

import onnx

from issrnn.architecture import ClassifierArchitecture
from issrnn.artifact import Weights
from service.engines.onnx_graph import FLOAT, INT32, INT64, OnnxGraph
from service.engines.stacked_layers import add_stacked_layers
from service.engines.states import state_names, state_sizes

__all__ = ["build_graph"]


def build_graph(architecture: ClassifierArchitecture, weights: Weights) -> onnx.ModelProto:
    """Build the graph that labels a padded batch.

    Inputs: ``words`` (T, B) int64, ``lengths`` (B,) int32, and `state_names`, each (B, H) fp32; for
    the poolings ``mean`` and ``max`` also ``pooled`` (B, H) fp32; for ``mean``, ``read`` (B, 1)
    fp32, the words of each text so far; for ``max``, ``padding`` (T, B, 1) fp32, 0 at words and
    minus infinity at padding. Outputs: ``logits`` (B, L), and each state and ``pooled`` after its
    row's last word, with ``_after`` appended.
    """
    graph = OnnxGraph("classifier", weights)
    graph.input("words", INT64, ["T", "B"])
    graph.input("lengths", INT32, ["B"])
    for name, size in zip(state_names(architecture), state_sizes(architecture), strict=True):
        graph.input(name, FLOAT, ["B", size])
        graph.output(f"{name}_after", FLOAT, ["B", size])
    graph.output("logits", FLOAT, ["B", architecture.label_count])

    graph.constant("embedding", weights["embedding.weight"])
    vectors = graph.node("Gather", ["embedding", "words"], "embedded")  # (T, B, E)
    states = add_stacked_layers(graph, architecture, vectors)  # (T, B, H), zeros at padding
    features = _add_pooling(graph, architecture, states)
    graph.constant("output_weights", weights["output.weight"].T)
    graph.constant("output_biases", weights["output.bias"])
    graph.node("MatMul", [features, "output_weights"], "products")
    graph.node("Add", ["products", "output_biases"], "logits")
    return graph.model()


def _add_pooling(graph: OnnxGraph, architecture: ClassifierArchitecture, states: str) -> str:
    """What the linear layer reads of all words so far, (B, H)."""
    if architecture.pooling == "last":
        return f"h{len(architecture.hidden_sizes) - 1}_after"
    size = architecture.hidden_sizes[-1]
    graph.input("pooled", FLOAT, ["B", size])
    graph.output("pooled_after", FLOAT, ["B", size])
    if architecture.pooling == "max":
        graph.input("padding", FLOAT, ["T", "B", 1])
        graph.node("Add", [states, "padding"], "states_of_words")
        graph.node("ReduceMax", ["states_of_words"], "pooled_here", axes=[0], keepdims=0)
        return graph.node("Max", ["pooled", "pooled_here"], "pooled_after")
    graph.input("read", FLOAT, ["B", 1])
    graph.node("ReduceSum", [states, graph.integers(0)], "pooled_here", keepdims=0)
    graph.node("Add", ["pooled", "pooled_here"], "pooled_after")
    return graph.node("Div", ["pooled_after", "read"], "mean")
