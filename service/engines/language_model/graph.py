"""A recurrent language model as an ONNX graph that scores a padded batch."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from issrnn.architecture import RecurrentLanguageModel
from issrnn.artifact import Weights
from service.engines.language_model.chunks import state_sizes
from service.engines.onnx_graph import FLOAT, INT32, INT64, OnnxGraph

__all__ = ["build_graph", "state_names"]


def state_names(architecture: RecurrentLanguageModel) -> tuple[str, ...]:
    """The graph's input for each entry of the state; its output has ``_after`` appended."""
    entries = _state_entries(architecture)
    return tuple(
        f"{entry}{layer}" for layer in range(len(architecture.hidden_sizes)) for entry in entries
    )


def build_graph(architecture: RecurrentLanguageModel, weights: Weights) -> onnx.ModelProto:
    """Build the graph that scores a padded batch.

    Inputs: ``inputs`` (T, B) int64, ``lengths`` (B,) int32, ``positions`` and ``targets`` (N,)
    int64, ``top_k`` (1,) int64, and `state_names`, each (B, H) fp32. Outputs: ``log_probs`` (N,),
    each state after its row's last step, ``top_log_probs`` and ``top_ids`` (N, top_k).
    """
    graph = OnnxGraph("language_model", weights)
    graph.input("inputs", INT64, ["T", "B"])
    graph.input("lengths", INT32, ["B"])
    graph.input("positions", INT64, ["N"])
    graph.input("targets", INT64, ["N"])
    graph.input("top_k", INT64, [1])
    graph.output("log_probs", FLOAT, ["N"])
    for name, size in zip(state_names(architecture), state_sizes(architecture), strict=True):
        graph.input(name, FLOAT, ["B", size])
        graph.output(f"{name}_after", FLOAT, ["B", size])
    graph.output("top_log_probs", FLOAT, ["N", "K"])
    graph.output("top_ids", INT64, ["N", "K"])

    graph.constant("embedding", weights["embedding.weight"])
    activations = graph.node("Gather", ["embedding", "inputs"], "embedded")  # (T, B, E)
    for layer, name in enumerate(architecture.layer_names):
        activations = _add_layer(graph, layer, name, activations, architecture)
    _add_softmax_layer(graph, activations, architecture.hidden_sizes[-1])
    return graph.model()


def _state_entries(architecture: RecurrentLanguageModel) -> tuple[str, ...]:
    return ("h", "c") if architecture.cell == "lstm" else ("h",)


def _add_layer(
    graph: OnnxGraph,
    layer: int,
    module: str,
    activations: str,
    architecture: RecurrentLanguageModel,
) -> str:
    first = graph.integers(0)
    entries = [f"{entry}{layer}" for entry in _state_entries(architecture)]
    outputs = graph.recurrent(
        module,
        architecture.cell,
        activations,
        "lengths",
        # (B, H) -> (1, B, H)
        before=[graph.node("Unsqueeze", [entry, first], f"{entry}_before") for entry in entries],
        after=[f"{entry}_last" for entry in entries],
    )
    for entry in entries:
        graph.node("Squeeze", [f"{entry}_last", first], f"{entry}_after")
    return outputs


def _add_softmax_layer(graph: OnnxGraph, activations: str, size: int) -> None:
    rows = graph.integers(-1, size)
    graph.node("Reshape", [activations, rows], "all_features")  # (T * B, H)
    graph.node("Gather", ["all_features", "positions"], "features")  # (N, H)
    graph.constant("decoder_weight", graph.weights["decoder.weight"].T)
    graph.constant("decoder_bias", graph.weights["decoder.bias"])
    graph.node("MatMul", ["features", "decoder_weight"], "products")  # (N, V)
    graph.node("Add", ["products", "decoder_bias"], "logits")
    graph.node("LogSoftmax", ["logits"], "word_log_probs", axis=-1)
    column = graph.integers(1)
    graph.node("Unsqueeze", ["targets", column], "target_columns")
    graph.node("GatherElements", ["word_log_probs", "target_columns"], "target_log_probs", axis=1)
    graph.node("Squeeze", ["target_log_probs", column], "log_probs")
    _add_top_k(graph)


def _add_top_k(graph: OnnxGraph) -> None:
    """The likeliest words in an If: TopK takes a fifth of an int8 model's time, asked for or not.

    onnxruntime computes outputs that nobody fetches.
    """
    kinds = {"top_log_probs": FLOAT, "top_ids": INT64}

    def branch(name: str, nodes: list[onnx.NodeProto]) -> onnx.GraphProto:
        named = [
            helper.make_tensor_value_info(f"{name}_{output}", kind, ["N", "K"])
            for output, kind in kinds.items()
        ]
        return helper.make_graph(nodes, name, [], named)

    some = helper.make_node(
        "TopK", ["word_log_probs", "top_k"], [f"some_{name}" for name in kinds], axis=-1
    )
    empty = numpy_helper.from_array(np.zeros((0, 0), dtype=np.float32))
    empty_ids = numpy_helper.from_array(np.zeros((0, 0), dtype=np.int64))
    none = [
        helper.make_node("Constant", [], ["none_top_log_probs"], value=empty),
        helper.make_node("Constant", [], ["none_top_ids"], value=empty_ids),
    ]
    graph.node("Greater", ["top_k", graph.integers(0)], "wants_top")
    graph.node(
        "If",
        ["wants_top"],
        list(kinds),
        then_branch=branch("some", [some]),
        else_branch=branch("none", none),
    )
