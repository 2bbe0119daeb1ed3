"""Building ONNX graphs from an artifact's weights alone.

ONNX stacks gates in another order than torch:
https://onnx.ai/onnx/operators/onnx__LSTM.html and https://onnx.ai/onnx/operators/onnx__GRU.html
against https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html (and ``GRU``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from issrnn.architecture import Cell
from issrnn.artifact import Weights

__all__ = ["FLOAT", "INT32", "INT64", "Dimensions", "OnnxGraph"]

FLOAT, INT32, INT64 = TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64

Dimensions = Sequence[int | str]
"""A tensor's shape; names stand for sizes that differ from call to call."""

_OPERATORS: dict[Cell, str] = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}
_GATE_ORDER: dict[Cell, tuple[int, ...]] = {
    "lstm": (0, 3, 1, 2),  # torch i, f, g, o -> ONNX i, o, f, c
    "gru": (1, 0, 2),  # torch r, z, n -> ONNX z, r, h
    "rnn": (0,),
}
_OPSET = 17
_IR_VERSION = 9


@dataclass
class OnnxGraph:
    """A graph that grows node by node; values are known by their names."""

    name: str
    weights: Weights
    """Of the torch module, in torch's names and layout."""
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    initialisers: dict[str, onnx.TensorProto] = field(default_factory=dict)
    inputs: list[onnx.ValueInfoProto] = field(default_factory=list)
    outputs: list[onnx.ValueInfoProto] = field(default_factory=list)

    def input(self, name: str, kind: int, dimensions: Dimensions) -> str:
        """Declare what each call gives."""
        self.inputs.append(helper.make_tensor_value_info(name, kind, dimensions))
        return name

    def output(self, name: str, kind: int, dimensions: Dimensions) -> None:
        """Declare what each call gets."""
        self.outputs.append(helper.make_tensor_value_info(name, kind, dimensions))

    def constant(self, name: str, array: NDArray[np.generic]) -> str:
        """A constant tensor; one that is there already under this name is used again."""
        if name not in self.initialisers:
            self.initialisers[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def integers(self, *values: int) -> str:
        """A constant vector of axes, sizes or places."""
        name = "integers_" + "_".join(map(str, values))
        return self.constant(name, np.array(values, dtype=np.int64))

    def node(
        self, operator: str, inputs: Sequence[str], outputs: Sequence[str] | str, **attributes: Any
    ) -> str:
        """Add a node, named after its first output, which is given back."""
        names = [outputs] if isinstance(outputs, str) else list(outputs)
        self.nodes.append(
            helper.make_node(operator, list(inputs), names, name=names[0], **attributes)
        )
        return names[0]

    def subgraph(self, name: str) -> OnnxGraph:
        """A graph inside this one, for an attribute of a node; its constants become this one's.

        It may read this one's values, and must not use their names for its own.
        """
        return OnnxGraph(name, self.weights, initialisers=self.initialisers)

    def highway(
        self,
        name: str,
        sums: str,
        carried: str,
        output: str,
        *,
        activation: Literal["Relu", "Tanh"],
    ) -> str:
        """Add what a highway layer (https://arxiv.org/abs/1505.00387) does after its product.

        Args:
            name: Begin of its nodes' names.
            sums: (..., 2 * S), those of the transform before those of the gate.
            carried: (..., S), what the gate changes into the transform as far as it is open.
            output: Name of the result, (..., S).
            activation: Of the transform.
        """
        transform, gate = f"{name}.transform", f"{name}.gate"
        self.node("Split", [sums], [f"{transform}.sum", f"{gate}.sum"], axis=-1)
        self.node(activation, [f"{transform}.sum"], transform)
        self.node("Sigmoid", [f"{gate}.sum"], gate)
        self.node("Sub", [transform, carried], f"{name}.change")
        self.node("Mul", [gate, f"{name}.change"], f"{name}.gated")
        return self.node("Add", [carried, f"{name}.gated"], output)

    def recurrent(
        self,
        module: str,
        cell: Cell,
        inputs: str,
        lengths: str,
        *,
        name: str | None = None,
        before: Sequence[str] = (),
        after: Sequence[str] = (),
        direction: Literal["forward", "reverse"] = "forward",
    ) -> str:
        """Add a recurrent layer with the weights of a torch module.

        Args:
            module: Its name, such as ``layers.0``.
            cell: Its kind.
            inputs: (T, B, I).
            lengths: (B,) int32 steps of each row.
            name: Of the node; None: the module's.
            before: h and, for an LSTM, c before the first step, each (1, B, H); zeros if empty.
            after: Names for the same after each row's last step.
            direction: In reverse, each row is read from its own last step on.

        Returns:
            The name of (T, B, H); zeros after a row's end.
        """
        name = name or module
        gates = {
            part: _in_onnx_order(self.weights[f"{module}.{part}"], cell)
            for part in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        }
        biases = np.concatenate([gates["bias_ih_l0"], gates["bias_hh_l0"]], axis=1)
        outputs = self.node(
            _OPERATORS[cell],
            [
                inputs,
                self.constant(f"{name}.input_weights", gates["weight_ih_l0"]),
                self.constant(f"{name}.recurrent_weights", gates["weight_hh_l0"]),
                self.constant(f"{name}.biases", biases),  # (1, 2 * G * H)
                lengths,
                *before,
            ],
            [name, *after],
            hidden_size=gates["weight_hh_l0"].shape[2],
            direction=direction,
            # torch applies the reset gate after the recurrent product and its bias
            **({"linear_before_reset": 1} if cell == "gru" else {}),
        )
        # (T, 1, B, H) -> (T, B, H)
        return self.node("Squeeze", [outputs, self.integers(1)], f"{name}.outputs")

    def body(self) -> onnx.GraphProto:
        """A subgraph, as an attribute takes it."""
        made: onnx.GraphProto = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs)
        return made

    def model(self) -> onnx.ModelProto:
        """The whole graph."""
        made: onnx.ModelProto = helper.make_model(
            self.body(), opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION
        )
        # make_model copies the graph, so constants come afterwards
        made.graph.initializer.extend(self.initialisers.values())
        return made


def _in_onnx_order(stacked: NDArray[np.float32], cell: Cell) -> NDArray[np.float32]:
    """(G * H, ...) with its gates in ONNX's order, and an axis for its single direction."""
    blocks = np.split(stacked, len(_GATE_ORDER[cell]))
    return np.concatenate([blocks[gate] for gate in _GATE_ORDER[cell]])[np.newaxis]
