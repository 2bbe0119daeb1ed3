"""Checks after surgery: shapes first, since torch's CPU LSTM runs on wrong ones silently."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from issrnn.errors import ShrinkError
from issrnn.layout import is_recurrent, layout_of
from issrnn.source import Source
from issrnn.states import output_leaves
from issrnn.surgery import Plan, converted_state

__all__ = ["ShrinkError", "check_same_output", "check_shapes"]

_TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}
_COARSE = 1e-2
"""For half precision, whose rounding depends on the order of a sum."""
_LEAST_SCALE = 0.1
"""Smaller outputs are compared as if they were so large: sums of larger numbers leave rounding."""


def check_shapes(model: nn.Module) -> None:
    """Compare every weight's shape with the sizes its module says it has.

    Raises:
        ShrinkError: If one does not fit; the message names it.
    """
    for path, module in model.named_modules():
        for name, expected in _expected_shapes(module, path).items():
            actual = tuple(model.get_parameter(name).shape)
            if actual != expected:
                raise ShrinkError(
                    f"{name} has shape {actual}; its {type(module).__name__} needs {expected}"
                )


def check_same_output(before: Any, after: Any, source: Source, plan: Plan) -> None:
    """Compare the outputs of the sparse and the shrunk model.

    Args:
        before: The sparse model's.
        after: The shrunk model's.
        source: What the groups came from.
        plan: What was removed, for comparing carried states.

    Raises:
        ShrinkError: If a shape differs, or a value by more than 1e-10 (float64) or 1e-5 (float32)
            of the largest value of its tensor that is not the same, or of 0.1 if that is larger.
    """
    old, new = output_leaves(before), output_leaves(after)
    if len(old) != len(new):
        raise ShrinkError(f"the model returns {len(old)} values, the shrunk one {len(new)}")
    for number, ((name, left), (_, right)) in enumerate(zip(old, new, strict=True)):
        part = source.output_states.get(number)
        if part is not None:
            left = converted_state(source, plan, part, left)  # noqa: PLW2901  as the small one's
        if isinstance(left, Tensor):
            _check_tensors(name, left, right)
        elif isinstance(left, float) and abs(left - right) > _TOLERANCE[torch.float32]:
            raise ShrinkError(f"{name} is {left}, and {right} after shrinking")


def _check_tensors(name: str, left: Tensor, right: Any) -> None:
    if not isinstance(right, Tensor) or left.shape != right.shape:
        found = tuple(right.shape) if isinstance(right, Tensor) else type(right).__name__
        raise ShrinkError(f"{name} has shape {tuple(left.shape)}, and {found} after shrinking")
    if left.is_complex():
        left, right = torch.view_as_real(left), torch.view_as_real(right)
    if not left.is_floating_point():
        if not torch.equal(left, right):
            raise ShrinkError(f"{name} differs after shrinking")
        return
    tolerance = _TOLERANCE.get(left.dtype, _COARSE)
    # Not of what is the same in both, such as a large number that stands for a masked place.
    finite = left[left.isfinite() & (left != right)].double()
    scale = max(_LEAST_SCALE, float(finite.abs().max())) if finite.numel() else 1.0
    if not torch.allclose(left, right, rtol=0.0, atol=tolerance * scale, equal_nan=True):
        worst = float((left.double() - right.double()).abs().max())
        raise ShrinkError(
            f"{name} differs by {worst:.3g} after shrinking (allowed: {tolerance * scale:.3g}): "
            "the model's code addresses units by position, or uses their number, in a way that was "
            "not seen on the weights the groups were found on; find them again on these"
        )


def _expected_shapes(module: nn.Module, path: str) -> dict[str, tuple[int, ...]]:
    if isinstance(module, nn.RNNBase | nn.RNNCellBase):
        return _recurrent_shapes(module, path)
    sizes: dict[str, tuple[int, ...]] = {}
    if isinstance(module, nn.Linear):
        sizes = {
            "weight": (module.out_features, module.in_features),
            "bias": (module.out_features,),
        }
    elif isinstance(module, nn.Embedding):
        sizes = {"weight": (module.num_embeddings, module.embedding_dim)}
    elif isinstance(module, nn.Conv1d | nn.Conv2d):
        channels = module.in_channels // module.groups
        sizes = {
            "weight": (module.out_channels, channels, *module.kernel_size),
            "bias": (module.out_channels,),
        }
    elif isinstance(module, nn.PReLU):
        sizes = {"weight": (module.num_parameters,)}
    own = dict(module.named_parameters(recurse=False))
    return {f"{path}.{name}".lstrip("."): size for name, size in sizes.items() if name in own}


def _recurrent_shapes(module: Any, path: str) -> dict[str, tuple[int, ...]]:
    if not is_recurrent(module):
        return {}
    try:
        layout = layout_of(module, path)
    except ValueError:  # it was refused, so nothing of it changed
        return {}
    expected: dict[str, tuple[int, ...]] = {}
    inputs = int(module.input_size)
    for layer in layout.layers:
        for cell in layer:
            rows = layout.gates * cell.size
            shapes = {"weight_ih": (rows, inputs), "weight_hh": (rows, cell.size)}
            for kind, name in cell.weights.items():
                expected[name] = shapes.get(kind, (rows,))
        inputs = sum(cell.size for cell in layer)
    return expected
