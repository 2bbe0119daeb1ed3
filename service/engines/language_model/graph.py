"""A language model as an ONNX graph that scores a padded batch."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

from issrnn.architecture import LanguageModelArchitecture, RecurrentHighwayLanguageModel
from issrnn.artifact import Weights
from service.engines.language_model.highway_layer import add_highway_layer
from service.engines.onnx_graph import FLOAT, INT32, INT64, OnnxGraph
from service.engines.stacked_layers import add_stacked_layers
from service.engines.states import state_names, state_sizes

__all__ = ["build_graph"]


def build_graph(architecture: LanguageModelArchitecture, weights: Weights) -> onnx.ModelProto:
    """Build the graph that scores a padded batch.

    Inputs: ``inputs`` (T, B) int64, ``lengths`` (B,) int32, ``positions`` and ``targets`` (N,)
    int64, ``top_k`` (1,) int64, and `state_names`, each (B, H) fp32. Outputs: ``log_probs`` (N,),
    each state after its row's last step with ``_after`` appended, ``top_log_probs`` and ``top_ids``
    (N, top_k).
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
    vectors = graph.node("Gather", ["embedding", "inputs"], "embedded")  # (T, B, E)
    if isinstance(architecture, RecurrentHighwayLanguageModel):
        outputs = add_highway_layer(graph, architecture, vectors)
    else:
        outputs = add_stacked_layers(graph, architecture, vectors)
    _add_softmax_layer(graph, outputs, architecture.hidden_sizes[-1])
    return graph.model()


def _add_softmax_layer(graph: OnnxGraph, activations: str, size: int) -> None:
    rows = graph.integers(-1, size)
    graph.node("Reshape", [activations, rows], "all_features")  # (T * B, H)
    graph.node("Gather", ["all_features", "positions"], "features")  # (N, H)
    graph.constant("decoder_bias", graph.weights["decoder.bias"])
    if "decoder.weight" in graph.weights:
        graph.constant("decoder_weight", graph.weights["decoder.weight"].T)
        graph.node("MatMul", ["features", "decoder_weight"], "products")  # (N, V)
        graph.node("Add", ["products", "decoder_bias"], "logits")
    else:  # the word vectors, which are looked up row by row and so stay as they lie
        graph.node("Gemm", ["features", "embedding", "decoder_bias"], "logits", transB=1)
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
    some, none = graph.subgraph("some"), graph.subgraph("none")
    some.node("TopK", ["word_log_probs", "top_k"], [f"some_{name}" for name in kinds], axis=-1)
    for name, dtype in (("top_log_probs", np.float32), ("top_ids", np.int64)):
        empty = numpy_helper.from_array(np.zeros((0, 0), dtype=dtype))
        none.node("Constant", [], f"none_{name}", value=empty)
    for branch in (some, none):
        for name, kind in kinds.items():
            branch.output(f"{branch.name}_{name}", kind, ["N", "K"])
    graph.node("Greater", ["top_k", graph.integers(0)], "wants_top")
    graph.node("If", ["wants_top"], list(kinds), then_branch=some.body(), else_branch=none.body())
