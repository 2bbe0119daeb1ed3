"""A recurrent highway layer as nodes of an ONNX graph.

The network is `issrnn.networks.rhn.HighwayLayer`; Zilly et al. (2017),
https://arxiv.org/abs/1607.03474, Eq. 6 to 9.
"""

from __future__ import annotations

import numpy as np

from issrnn.architecture import RecurrentHighwayLanguageModel
from service.engines.onnx_graph import FLOAT, OnnxGraph
from service.engines.states import state_names

__all__ = ["add_highway_layer"]


def add_highway_layer(
    graph: OnnxGraph, architecture: RecurrentHighwayLanguageModel, vectors: str
) -> str:
    """Add the layer, and the state after each row's last step.

    The input's products of all time steps are one product. What is left for the loop over time are
    the highway steps, one after the other.

    Args:
        graph: Has ``lengths``, ``positions`` and the state before; see `build_graph`.
        architecture: Width and depth.
        vectors: Name of the word vectors, (T, B, E).

    Returns:
        The name of the outputs, (T, B, W).
    """
    [before] = state_names(architecture)
    of_input = _add_product(graph, "highway.input", vectors)  # (T, B, 2W)
    bias = graph.constant("highway.input.biases", graph.weights["highway.recurrent.0.bias"])
    graph.node("Add", [of_input, bias], "highway.input.sums")
    graph.node(
        "Scan",
        [before, "highway.input.sums"],
        ["highway.last", "highway.outputs"],
        body=_time_step(graph, architecture).body(),
        num_scan_inputs=1,
    )
    _add_state_after(graph, architecture.width, f"{before}_after")
    return "highway.outputs"


def _time_step(graph: OnnxGraph, architecture: RecurrentHighwayLanguageModel) -> OnnxGraph:
    """The state to go on with, and the same as output, (B, W), from the state before a time step.

    It also reads the sums of the step's input, (B, 2W).
    """
    step = graph.subgraph("highway_steps")
    state = step.input("highway.state", FLOAT, ["B", architecture.width])
    addend = step.input("highway.state_input", FLOAT, ["B", 2 * architecture.width])
    for number in range(architecture.depth):
        name = f"highway.recurrent.{number}"
        if number:
            addend = step.constant(f"{name}.biases", graph.weights[f"{name}.bias"])
        step.node("Add", [_add_product(step, name, state), addend], f"{name}.sums")
        state = step.highway(name, f"{name}.sums", state, f"{name}.state", activation="Tanh")
    step.output(state, FLOAT, ["B", architecture.width])
    output = step.node("Identity", [state], "highway.output")
    step.output(output, FLOAT, ["B", architecture.width])
    return step


def _add_product(graph: OnnxGraph, module: str, inputs: str) -> str:
    """(..., I) times a module's weights, (..., 2W)."""
    weights = graph.constant(f"{module}.weights", graph.weights[f"{module}.weight"].T)
    return graph.node("MatMul", [inputs, weights], f"{module}.products")


def _add_state_after(graph: OnnxGraph, width: int, name: str) -> None:
    """The output of each row's last step: the loop goes on to the longest row's end.

    ``positions`` lie row by row, so that a row's last is as far on as all rows up to it are long.
    """
    first = graph.constant("first_axis", np.array(0, dtype=np.int64))
    one = graph.constant("one_step", np.array(1, dtype=np.int32))
    graph.node("CumSum", ["lengths", first], "steps_so_far")
    graph.node("Sub", ["steps_so_far", one], "last_steps")
    graph.node("Gather", ["positions", "last_steps"], "last_positions")  # (B,) in (T * B,)
    graph.node("Reshape", ["highway.outputs", graph.integers(-1, width)], "highway.rows")
    graph.node("Gather", ["highway.rows", "last_positions"], name)
