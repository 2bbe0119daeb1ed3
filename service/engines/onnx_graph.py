"""A recurrent language model as an ONNX graph, built from an artifact's weights alone.

ONNX stacks gates in another order than torch:
https://onnx.ai/onnx/operators/onnx__LSTM.html and https://onnx.ai/onnx/operators/onnx__GRU.html
against https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html (and ``GRU``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from issrnn.architecture import Cell, RecurrentLanguageModel
from service.engines.base import state_sizes

__all__ = ["build_graph", "state_names"]

Weights = Mapping[str, NDArray[np.float32]]

_OPERATORS: dict[Cell, str] = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}
_GATE_ORDER: dict[Cell, tuple[int, ...]] = {
    "lstm": (0, 3, 1, 2),  # torch i, f, g, o -> ONNX i, o, f, c
    "gru": (1, 0, 2),  # torch r, z, n -> ONNX z, r, h
    "rnn": (0,),
}
_OPSET = 17
_IR_VERSION = 9


@dataclass
class _Graph:
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    initialisers: list[onnx.TensorProto] = field(default_factory=list)

    def weight(self, name: str, array: NDArray[np.generic]) -> str:
        self.initialisers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, operator: str, inputs: list[str], outputs: list[str], **attributes: Any) -> None:
        self.nodes.append(helper.make_node(operator, inputs, outputs, **attributes))


def state_names(architecture: RecurrentLanguageModel) -> tuple[str, ...]:
    """The graph's input for each entry of the state; its output has ``_after`` appended."""
    entries = ("h", "c") if architecture.cell == "lstm" else ("h",)
    return tuple(
        f"{entry}{layer}" for layer in range(len(architecture.hidden_sizes)) for entry in entries
    )


def build_graph(architecture: RecurrentLanguageModel, weights: Weights) -> onnx.ModelProto:
    """Build the graph that scores a padded batch.

    Inputs: ``inputs`` (T, B) int64, ``lengths`` (B,) int32, ``positions`` and ``targets`` (N,)
    int64, ``top_k`` (1,) int64, and `state_names`, each (B, H) fp32. Outputs: ``log_probs`` (N,),
    each state after its row's last step, ``top_log_probs`` and ``top_ids`` (N, top_k).
    """
    graph = _Graph()
    graph.weight("axis_0", np.array([0], dtype=np.int64))
    graph.weight("axis_1", np.array([1], dtype=np.int64))
    graph.weight("embedding", weights["embedding.weight"])
    graph.node("Gather", ["embedding", "inputs"], ["activations_0"])  # (T, B, E)
    for layer in range(len(architecture.hidden_sizes)):
        _add_layer(graph, layer, architecture, weights)
    _add_softmax_layer(graph, architecture, weights)

    vector = ["N"]
    inputs = [
        helper.make_tensor_value_info("inputs", TensorProto.INT64, ["T", "B"]),
        helper.make_tensor_value_info("lengths", TensorProto.INT32, ["B"]),
        helper.make_tensor_value_info("positions", TensorProto.INT64, vector),
        helper.make_tensor_value_info("targets", TensorProto.INT64, vector),
        helper.make_tensor_value_info("top_k", TensorProto.INT64, [1]),
    ]
    outputs = [helper.make_tensor_value_info("log_probs", TensorProto.FLOAT, vector)]
    for name, size in zip(state_names(architecture), state_sizes(architecture), strict=True):
        inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", size]))
        outputs.append(
            helper.make_tensor_value_info(f"{name}_after", TensorProto.FLOAT, ["B", size])
        )
    outputs.append(helper.make_tensor_value_info("top_log_probs", TensorProto.FLOAT, ["N", "K"]))
    outputs.append(helper.make_tensor_value_info("top_ids", TensorProto.INT64, ["N", "K"]))
    model: onnx.ModelProto = helper.make_model(
        helper.make_graph(graph.nodes, "language_model", inputs, outputs, graph.initialisers),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )
    return model


def _add_layer(
    graph: _Graph, layer: int, architecture: RecurrentLanguageModel, weights: Weights
) -> None:
    cell, size = architecture.cell, architecture.hidden_sizes[layer]

    def gates(name: str) -> NDArray[np.float32]:
        # (G * H, ...) -> ONNX's gate order, with an axis for its single direction
        stacked = weights[f"layers.{layer}.{name}"]
        blocks = np.split(stacked, len(_GATE_ORDER[cell]))
        return np.concatenate([blocks[gate] for gate in _GATE_ORDER[cell]])[np.newaxis]

    biases = np.concatenate([gates("bias_ih_l0"), gates("bias_hh_l0")], axis=1)  # (1, 2 * G * H)
    entries = ["h", "c"] if cell == "lstm" else ["h"]
    for entry in entries:  # (B, H) -> (1, B, H)
        graph.node("Unsqueeze", [f"{entry}{layer}", "axis_0"], [f"{entry}{layer}_before"])
    graph.node(
        _OPERATORS[cell],
        [
            f"activations_{layer}",
            graph.weight(f"input_weights_{layer}", gates("weight_ih_l0")),
            graph.weight(f"recurrent_weights_{layer}", gates("weight_hh_l0")),
            graph.weight(f"biases_{layer}", biases),
            "lengths",
            *(f"{entry}{layer}_before" for entry in entries),
        ],
        [f"outputs_{layer}", *(f"{entry}{layer}_last" for entry in entries)],
        hidden_size=size,
        # torch applies the reset gate after the recurrent product and its bias
        **({"linear_before_reset": 1} if cell == "gru" else {}),
    )
    for entry in entries:
        graph.node("Squeeze", [f"{entry}{layer}_last", "axis_0"], [f"{entry}{layer}_after"])
    # (T, 1, B, H) -> (T, B, H)
    graph.node("Squeeze", [f"outputs_{layer}", "axis_1"], [f"activations_{layer + 1}"])


def _add_softmax_layer(
    graph: _Graph, architecture: RecurrentLanguageModel, weights: Weights
) -> None:
    last = len(architecture.hidden_sizes)
    rows = graph.weight("rows", np.array([-1, architecture.hidden_sizes[-1]], dtype=np.int64))
    graph.node("Reshape", [f"activations_{last}", rows], ["all_features"])  # (T * B, H)
    graph.node("Gather", ["all_features", "positions"], ["features"])  # (N, H)
    graph.weight("decoder_weight", weights["decoder.weight"].T)
    graph.weight("decoder_bias", weights["decoder.bias"])
    graph.node("MatMul", ["features", "decoder_weight"], ["products"])  # (N, V)
    graph.node("Add", ["products", "decoder_bias"], ["logits"])
    graph.node("LogSoftmax", ["logits"], ["word_log_probs"], axis=-1)
    graph.node("Unsqueeze", ["targets", "axis_1"], ["target_columns"])
    graph.node("GatherElements", ["word_log_probs", "target_columns"], ["target_log_probs"], axis=1)
    graph.node("Squeeze", ["target_log_probs", "axis_1"], ["log_probs"])
    _add_top_k(graph)


def _add_top_k(graph: _Graph) -> None:
    """The likeliest words in an If: TopK takes a fifth of an int8 model's time, asked for or not.

    onnxruntime computes outputs that nobody fetches.
    """
    outputs = [
        helper.make_tensor_value_info("top_log_probs", TensorProto.FLOAT, ["N", "K"]),
        helper.make_tensor_value_info("top_ids", TensorProto.INT64, ["N", "K"]),
    ]

    def branch(name: str, nodes: list[onnx.NodeProto]) -> onnx.GraphProto:
        named = [
            helper.make_tensor_value_info(
                f"{name}_{output.name}", output.type.tensor_type.elem_type, ["N", "K"]
            )
            for output in outputs
        ]
        return helper.make_graph(nodes, name, [], named)

    names = [output.name for output in outputs]
    some = helper.make_node(
        "TopK", ["word_log_probs", "top_k"], [f"some_{name}" for name in names], axis=-1
    )
    graph.weight("zero", np.array([0], dtype=np.int64))
    empty = numpy_helper.from_array(np.zeros((0, 0), dtype=np.float32))
    empty_ids = numpy_helper.from_array(np.zeros((0, 0), dtype=np.int64))
    none = [
        helper.make_node("Constant", [], [f"none_{names[0]}"], value=empty),
        helper.make_node("Constant", [], [f"none_{names[1]}"], value=empty_ids),
    ]
    graph.node("Greater", ["top_k", "zero"], ["wants_top"])
    graph.nodes.append(
        helper.make_node(
            "If",
            ["wants_top"],
            names,
            then_branch=branch("some", [some]),
            else_branch=branch("none", none),
        )
    )
