"""Runs a model and follows the labels of its units through every operation."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from issrnn.layout import Layout, is_recurrent, layout_of
from issrnn.tracing.context import Call, Context, FinalState, Input, Slot, Uniform, along
from issrnn.tracing.elementwise import follow_elementwise, is_elementwise
from issrnn.tracing.modules import follow_recurrent, is_as_torch, register_units
from issrnn.tracing.moves import LIKE, MOVES, follow_concatenation, follow_move
from issrnn.tracing.products import PRODUCTS, follow_product
from issrnn.tracing.reductions import POOLINGS, REDUCTIONS, follow_pooling, follow_reduction

__all__ = ["Tracer", "run_traced"]

_UNCHANGED = {"alias", "clone", "contiguous", "detach", "lift_fresh"}
_UNIFORM = {"zeros": 0.0, "new_zeros": 0.0, "zeros_like": 0.0, "ones": 1.0, "new_ones": 1.0}
_FILLED = {"full", "new_full", "full_like", "scalar_tensor"}
_WITHOUT_LABELS = {"new_zeros", "new_ones", "new_full", "new_empty", "new_empty_strided"}
_OTHER_FORWARD = (
    "its class has a forward of its own that takes or gives something else than torch's: put the "
    "torch module into a module of yours instead"
)
_LEAVING = {"numpy", "tolist", "__array__", "item", "__dlpack__"}


class _Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Follows ATen operations."""

    def __init__(self, tracer: Tracer) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self._tracer = tracer

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        del types
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if not self._tracer.paused:
            self._tracer.follow(Call(func, args, kwargs, result))
        return result


class _Functions(TorchFunctionMode):
    """Follows what ATen operations do not show."""

    def __init__(self, tracer: Tracer) -> None:
        super().__init__()
        self._tracer = tracer

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        del types
        name, kwargs = getattr(func, "__name__", ""), kwargs or {}
        if self._tracer.paused or name not in _LEAVING | {"_pad_packed_sequence"}:
            return func(*args, **kwargs)
        if name in _LEAVING:
            self._tracer.refuse_leaving(args)
            return func(*args, **kwargs)
        with self._tracer.pause():
            result = func(*args, **kwargs)
        value = args[3] if len(args) > 3 else kwargs.get("padding_value", 0)
        self._tracer.follow_padding(args[0], result[0], value)
        return result


class Tracer:
    """Follows one run; what it saw is in `context`."""

    def __init__(self, model: nn.Module) -> None:
        """Label the model's parameters and units."""
        self.context = Context(model)
        self.paused = False
        self.refused_modules: dict[str, str] = {}
        """Recurrent modules that cannot be followed, and why."""
        self.recurrent: dict[str, nn.Module] = {}
        for path, module in model.named_modules():
            if is_recurrent(module) and not self.inside_recurrent(path):
                self.recurrent[path] = module
                try:
                    layout = layout_of(module, path)
                    self._check_unshared(model, layout)
                    register_units(self.context, layout)
                except ValueError as error:
                    self.refused_modules[path] = str(error)

    def inside_recurrent(self, path: str) -> bool:
        """Whether a module is part of a recurrent one, which is followed as a whole."""
        return any(path.startswith(f"{other}." if other else "") for other in self.recurrent)

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Do not follow what runs meanwhile."""
        paused, self.paused = self.paused, True
        try:
            yield
        finally:
            self.paused = paused

    def follow(self, call: Call) -> None:
        """Label the results of one operation, or refuse the units it mixes."""
        if call.schema.is_mutable:
            self._label(call)  # by what was known before it wrote
            self._note_written(call)
        else:
            self._note_marks(call)
            self._label(call)

    def _label(self, call: Call) -> None:
        context = self.context
        context.pass_makers(call)
        context.touched.update(filter(None, map(context.parameter_name, call.tensors)))
        if call.name in _WITHOUT_LABELS or not any(map(context.slots, call.tensors)):
            return
        in_place = bool(call.results) and call.schema.is_mutable
        sharing = self.context.sharing(call.results[0]) if in_place else []
        if in_place and call.name == "copy" and not context.slots(call.tensors[0]):
            context.refuse(call.tensors, f"written into another tensor in {context.where}")
        elif call.results:
            self._rule(call)(context, call)
        else:
            context.refuse(call.tensors, f"{call.name} in {context.where} is not supported")
        for alias in sharing:
            self._refresh(alias, call.results[0])

    def refuse_module(self, path: str, given: Any, reason: str) -> None:
        """A recurrent module is not what its structure says; its units and what it read stay."""
        self.refused_modules[path] = reason
        self.context.labels.refuse(torch.cat(self.context.units[path]), reason)
        self.context.refuse([x for x in tree_leaves(given) if isinstance(x, Tensor)], reason)

    def follow_padding(self, packed: Tensor, padded: Tensor, value: float) -> None:
        """``pad_packed_sequence`` with a value: units stay along the last axis."""
        slots = []
        for slot in self.context.slots(packed):
            labels = self.context.labels.tie_along(slot.labels, (0,)).reshape(-1)
            wide = along(labels.expand(padded.shape[-1]), padded.dim() - 1, padded.shape)
            slots.append(Slot(padded.dim() - 1, wide))
        self.context.flow([packed], padded, slots, "never" if value else "first")

    def refuse_leaving(self, values: Any) -> None:
        """Values leave the tensors, and no one sees what becomes of them."""
        tensors = [x for x in tree_leaves(values) if isinstance(x, Tensor)]
        why = f"their values leave torch in {self.context.where}: keep them in tensors"
        self.context.refuse(tensors, why)

    def _check_unshared(self, model: nn.Module, layout: Layout) -> None:
        """Weights of two modules could not be cut for both: those of the first are refused too."""
        first_names = {id(parameter): name for name, parameter in model.named_parameters()}
        for cell in layout.cells:
            for name in cell.weights.values():
                first = first_names[id(model.get_parameter(name))]
                if first != name:
                    reason = f"{name} is also {first}: call one module in both places"
                    for weight, labels in self.context.axes.items():
                        if weight.parameter == first:
                            self.context.labels.refuse(labels, reason)
                    raise ValueError(reason)

    def _rule(self, call: Call) -> Callable[[Context, Call], None]:
        rules: list[tuple[bool, Callable[[Context, Call], None]]] = [
            (call.name in MOVES, follow_move),
            (call.name in {"cat", "stack"}, follow_concatenation),
            (call.name in PRODUCTS, follow_product),
            (call.name in REDUCTIONS and len(call.tensors) == 1, follow_reduction),
            (call.name in POOLINGS, follow_pooling),
            (is_elementwise(call) or call.name == "copy", follow_elementwise),
        ]
        return next((rule for holds, rule in rules if holds), _refuse_unknown)

    def _note_marks(self, call: Call) -> None:
        """Keep track of inputs, final states and uniform tensors."""
        context = self.context
        if call.name in _UNIFORM:
            context.set_mark(call.result, Uniform(_UNIFORM[call.name]))
        elif call.name in _FILLED:
            value = call.argument("fill_value", call.argument("s"))
            context.set_mark(call.result, Uniform(float(value)))
        for tensor in call.tensors:
            self._pass_mark(call, tensor)

    def _note_written(self, call: Call) -> None:
        """What was written to is no longer what it was; it may hold one number now."""
        context = self.context
        for tensor in call.results:
            for shared in (tensor, *context.sharing(tensor)):
                context.forget_mark(shared)
            if call.name in {"zero", "fill"} and not context.slots(tensor):
                value = call.argument("value", 0)
                if isinstance(value, int | float):
                    context.set_mark(tensor, Uniform(float(value)))

    def _pass_mark(self, call: Call, tensor: Tensor) -> None:
        mark = self.context.mark(tensor)
        if mark and call.name in _UNCHANGED:
            self.context.set_mark(call.results[0], mark)
        elif isinstance(mark, FinalState):
            self.context.state_read.add(mark.module)
        elif isinstance(mark, Uniform) and call.name in MOVES - LIKE and len(call.tensors) == 1:
            for result in call.results:
                self.context.set_mark(result, mark)

    def _refresh(self, alias: Tensor, written: Tensor) -> None:
        """An in-place write through a view: what shares the memory holds either value now."""
        context = self.context
        places = alias.shape, alias.stride(), alias.storage_offset()
        if places == (written.shape, written.stride(), written.storage_offset()):
            context.flow([written], alias, list(context.slots(written)), "first")
            return
        if not context.slots(alias):
            why = f"written in place into a tensor without units in {context.where}"
            context.refuse([written], why)
            return
        context.flow([alias, written], alias, list(context.slots(alias)), "all")


def run_traced(tracer: Tracer, model: nn.Module, args: Any, kwargs: Any) -> Any:
    """Call ``model(*args, **kwargs)`` under a tracer that was made for it.

    To be called within `issrnn.source.quiet`. ``model`` must be a copy that no one else uses: its
    recurrent modules are patched and its modules hooked.

    Returns:
        The model's output.
    """
    context = tracer.context
    for number, leaf in enumerate(tree_leaves((args, kwargs))):
        if isinstance(leaf, Tensor):
            context.set_mark(leaf, Input(number))
    with ExitStack() as stack:
        for path, module in model.named_modules():
            stack.callback(_watch(tracer, path, module))
        for path in context.layouts:
            stack.callback(_patch(tracer, path, model.get_submodule(path)))
        stack.enter_context(_Functions(tracer))
        stack.enter_context(_Operations(tracer))
        return model(*args, **kwargs)


def _watch(tracer: Tracer, path: str, module: nn.Module) -> Callable[[], None]:
    """Keep track of the running module; returns what undoes it."""
    outer: list[str] = []

    def enter(*_: object) -> None:
        outer.append(tracer.context.module)
        tracer.context.module = path

    def leave(*_: object) -> None:
        tracer.context.module = outer.pop()

    before = module.register_forward_pre_hook(enter)
    after = module.register_forward_hook(leave, always_call=True)

    def undo() -> None:
        before.remove()
        after.remove()

    return undo


def _patch(tracer: Tracer, path: str, module: nn.Module) -> Callable[[], None]:
    """Let a recurrent module be followed as a whole; returns what undoes it."""
    original = module.forward
    signature = inspect.signature(original)

    def forward(*args: Any, **kwargs: Any) -> Any:
        with tracer.pause():
            result = original(*args, **kwargs)
        if tracer.paused:
            return result
        with tracer.pause():
            as_torch = is_as_torch(module, args, kwargs, result)
        if not as_torch:
            tracer.refuse_module(path, (args, kwargs), _OTHER_FORWARD)
            return result
        given = tuple(signature.bind(*args, **kwargs).arguments.values())
        call = (given[0], given[1] if len(given) > 1 else None)
        follow_recurrent(tracer.context, tracer.context.layouts[path], call, result)
        return result

    module.forward = forward

    def undo() -> None:
        del module.forward

    return undo


def _refuse_unknown(context: Context, call: Call) -> None:
    context.refuse(call.tensors, f"{call.name} in {context.where} may use all of them together")
