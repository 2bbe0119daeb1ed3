"""BiDAF as an ONNX graph that reads a batch of passages.

The network is `issrnn.networks.bidaf.BiDAF`; Seo et al. (2017), https://arxiv.org/abs/1611.01603.
Up to the contextual layer words are independent of each other, so that all words of all texts go
through as one matrix, without padding.
"""

from __future__ import annotations

import numpy as np
import onnx

from issrnn.architecture import BiDAFArchitecture
from issrnn.artifact import Weights
from service.engines.onnx_graph import FLOAT, INT32, INT64, OnnxGraph

__all__ = ["SCORES", "build_graph"]

SCORES = ("attended_scores", "modelled_scores", "found_scores")
"""Nodes that give each word's logits: products with one or two vectors, too small for int8."""


def build_graph(architecture: BiDAFArchitecture, weights: Weights) -> onnx.ModelProto:
    """Build the graph that scores the words of B contexts of up to T words.

    Inputs: ``vectors`` (N, W) fp32 and ``characters`` (N, C) int64 of all words of all texts. For
    the contexts (T words) and for the questions (J words): ``_places`` (T, B) int64, where their
    words lie among the N, anything at padding; ``_lengths`` (B,) int32; ``_mask`` (B, 1, T) fp32,
    0 at words and minus infinity at padding. Outputs: ``starts`` and ``ends`` (B, T).
    """
    graph = OnnxGraph("bidaf", weights)
    graph.input("vectors", FLOAT, ["N", architecture.word_vector_size])
    graph.input("characters", INT64, ["N", architecture.word_length])
    for text, steps in (("context", "T"), ("question", "J")):
        graph.input(f"{text}_places", INT64, [steps, "B"])
        graph.input(f"{text}_lengths", INT32, ["B"])
        graph.input(f"{text}_mask", FLOAT, ["B", 1, steps])
    graph.output("starts", FLOAT, ["B", "T"])
    graph.output("ends", FLOAT, ["B", "T"])

    _add_words(graph)
    for layer in range(architecture.highway_layers):
        _add_highway(graph, layer)
    for text in ("context", "question"):
        inputs = graph.node(
            "Gather", [f"words_{architecture.highway_layers}", f"{text}_places"], f"{text}_words"
        )
        encoded = _add_layer(graph, "contextual", inputs, text)
        graph.node("Transpose", [encoded], text, perm=[1, 0, 2])  # (B, T, H)
    _add_attention(graph)
    first = _add_layer(graph, "modelling.0", "attended")
    modelled = _add_layer(graph, "modelling.1", first)
    _add_scores(graph, modelled, contextual=architecture.layer_outputs[0])
    return graph.model()


def _add_words(graph: OnnxGraph) -> None:
    """``words_0`` (N, filters + W): what characters say (Kim, 2014), and the vector."""
    graph.constant("character_vectors", graph.weights["characters.embedding.weight"])
    graph.constant("filters", graph.weights["characters.convolution.weight"])
    graph.constant("filter_biases", graph.weights["characters.convolution.bias"])
    graph.node("Gather", ["character_vectors", "characters"], "spelling")  # (N, C, size)
    graph.node("Transpose", ["spelling"], "spelling_channels", perm=[0, 2, 1])
    graph.node("Conv", ["spelling_channels", "filters", "filter_biases"], "filtered")
    # the largest first: the rectifier then sees one value a filter
    graph.node("ReduceMax", ["filtered"], "strongest", axes=[2], keepdims=0)  # (N, filters)
    graph.node("Relu", ["strongest"], "character_features")
    graph.node("Concat", ["character_features", "vectors"], "words_0", axis=1)


def _add_highway(graph: OnnxGraph, layer: int) -> None:
    """``words_{layer + 1}`` from ``words_{layer}``."""
    words, name = f"words_{layer}", f"highway.{layer}"
    parts = (f"{name}.transform", f"{name}.gate")
    stacked = np.concatenate(
        [graph.weights[f"{part}.weight"] for part in parts]
    ).T  # (size, 2 * size)
    biases = np.concatenate([graph.weights[f"{part}.bias"] for part in parts])
    graph.node("MatMul", [words, graph.constant(f"{name}.weights", stacked)], f"{name}.products")
    graph.node(
        "Add", [f"{name}.products", graph.constant(f"{name}.biases", biases)], f"{name}.sums"
    )
    graph.highway(name, f"{name}.sums", words, f"words_{layer + 1}", activation="Relu")


def _add_layer(graph: OnnxGraph, layer: str, inputs: str, text: str = "context") -> str:
    """Both directions of a layer over a text, side by side, (T, B, F + R)."""
    suffix = "" if text == "context" else f".{text}"
    forward, backward = (
        graph.recurrent(
            f"{layer}.{direction}_lstm",
            "lstm",
            inputs,
            f"{text}_lengths",
            name=f"{layer}.{direction}_lstm{suffix}",
            direction="forward" if direction == "forward" else "reverse",
        )
        for direction in ("forward", "backward")
    )
    return graph.node("Concat", [forward, backward], f"{layer}{suffix}", axis=2)


def _add_attention(graph: OnnxGraph) -> None:
    """``attended`` (T, B, 4 * H): context words with what they attend to (section 2, layer 4).

    The similarity of context word c and question word q is a.c + b.q + (c * d).q. Here (c * d + b)
    meets q in one product, and a.c, which is the same for all question words and so changes no
    attention to them, is added only where context words are compared with each other.
    """
    column = graph.weights["attention.context"][:, np.newaxis]
    graph.constant("attention.question", graph.weights["attention.question"])
    graph.constant("attention.product", graph.weights["attention.product"])
    graph.node("Mul", ["context", "attention.product"], "scaled_context")
    graph.node("Add", ["scaled_context", "attention.question"], "queries")
    graph.node("Transpose", ["question"], "keys", perm=[0, 2, 1])
    graph.node("MatMul", ["queries", "keys"], "products")  # (B, T, J)
    graph.node("Add", ["products", "question_mask"], "similarity")
    graph.node("Softmax", ["similarity"], "question_weights", axis=2)
    graph.node("MatMul", ["question_weights", "question"], "to_question")  # (B, T, H)

    graph.node("ReduceMax", ["similarity"], "closest", axes=[2], keepdims=1)  # (B, T, 1)
    graph.constant("attention.context", column)
    graph.node("MatMul", ["context", "attention.context"], "by_context")  # (B, T, 1)
    graph.node("Add", ["closest", "by_context"], "relevance_column")
    graph.node("Transpose", ["relevance_column"], "relevance_row", perm=[0, 2, 1])
    graph.node("Add", ["relevance_row", "context_mask"], "relevance")  # (B, 1, T)
    graph.node("Softmax", ["relevance"], "context_weights", axis=2)
    graph.node("MatMul", ["context_weights", "context"], "to_context")  # (B, 1, H)

    graph.node("Mul", ["context", "to_question"], "with_question")
    graph.node("Mul", ["context", "to_context"], "with_context")
    parts = ["context", "to_question", "with_question", "with_context"]
    graph.node("Concat", parts, "attended_by_row", axis=2)
    graph.node("Transpose", ["attended_by_row"], "attended", perm=[1, 0, 2])


def _add_scores(graph: OnnxGraph, modelled: str, *, contextual: int) -> None:
    """``starts`` and ``ends``, with the output layer between them."""
    size = 4 * contextual
    start, end = (
        graph.weights["start.weight"],
        graph.weights["end.weight"],
    )  # each (1, 4 * H + M or F)
    both = np.concatenate([start[:, :size], end[:, :size]]).T  # (4 * H, 2)
    biases = np.concatenate([graph.weights["start.bias"], graph.weights["end.bias"]])
    graph.node("MatMul", ["attended", graph.constant("score_weights", both)], "attended_scores")
    graph.node("Add", ["attended_scores", graph.constant("score_biases", biases)], "biased_scores")
    graph.node("Split", ["biased_scores"], ["start_part", "end_part"], axis=2)  # (T, B, 1) each

    graph.constant("start_weights", start[:, size:].T)
    graph.node("MatMul", [modelled, "start_weights"], "modelled_scores")
    graph.node("Add", ["start_part", "modelled_scores"], "start_scores")
    _add_masked(graph, "start_scores", "starts")

    graph.node("Unsqueeze", ["starts", graph.integers(1)], "start_logits")  # (B, 1, T)
    graph.node("Softmax", ["start_logits"], "start_weights_of_words", axis=2)
    graph.node("Transpose", [modelled], "modelled_by_row", perm=[1, 0, 2])  # (B, T, M)
    graph.node("MatMul", ["start_weights_of_words", "modelled_by_row"], "mean_by_row")
    graph.node("Transpose", ["mean_by_row"], "mean", perm=[1, 0, 2])  # (1, B, M)
    graph.node("Shape", [modelled], "modelled_shape")
    graph.node("Expand", ["mean", "modelled_shape"], "mean_of_words")
    graph.node("Mul", [modelled, "mean"], "with_mean")
    parts = ["attended", modelled, "mean_of_words", "with_mean"]
    graph.node("Concat", parts, "output_inputs", axis=2)
    found = _add_layer(graph, "output", "output_inputs")
    graph.constant("end_weights", end[:, size:].T)
    graph.node("MatMul", [found, "end_weights"], "found_scores")
    graph.node("Add", ["end_part", "found_scores"], "end_scores")
    _add_masked(graph, "end_scores", "ends")


def _add_masked(graph: OnnxGraph, scores: str, output: str) -> None:
    """(T, B, 1) as (B, T), minus infinity at padding."""
    graph.node("Transpose", [scores], f"{scores}_by_row", perm=[1, 2, 0])  # (B, 1, T)
    graph.node("Add", [f"{scores}_by_row", "context_mask"], f"{scores}_masked")
    graph.node("Squeeze", [f"{scores}_masked", graph.integers(1)], output)
