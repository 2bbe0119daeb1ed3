"""Intrinsic Sparse Structures for any torch module with recurrent layers.

Names are loaded on first use, so that reading an artifact (`issrnn.artifact`) needs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from issrnn.counting import Comparison, Count, compare, count
    from issrnn.declare import Declaration, DeclarationError, declare_groups, groups_to_json
    from issrnn.errors import ShrinkError
    from issrnn.find import find_groups
    from issrnn.groups import Group, Groups, Refusal, Slice
    from issrnn.lasso import GroupLasso, l1_subgradient_, threshold_
    from issrnn.recurrent import StackedRecurrent
    from issrnn.shrinking import LiveShrink, removable_components, shrink, shrink_
    from issrnn.subnormals import flush_subnormals_

__all__ = [
    "Comparison",
    "Count",
    "Declaration",
    "DeclarationError",
    "Group",
    "GroupLasso",
    "Groups",
    "LiveShrink",
    "Refusal",
    "ShrinkError",
    "Slice",
    "StackedRecurrent",
    "compare",
    "count",
    "declare_groups",
    "find_groups",
    "flush_subnormals_",
    "groups_to_json",
    "l1_subgradient_",
    "removable_components",
    "shrink",
    "shrink_",
    "threshold_",
]

_HOMES = {
    "Comparison": "issrnn.counting",
    "Count": "issrnn.counting",
    "Declaration": "issrnn.declare",
    "DeclarationError": "issrnn.declare",
    "compare": "issrnn.counting",
    "count": "issrnn.counting",
    "declare_groups": "issrnn.declare",
    "groups_to_json": "issrnn.declare",
    "Group": "issrnn.groups",
    "Groups": "issrnn.groups",
    "GroupLasso": "issrnn.lasso",
    "LiveShrink": "issrnn.shrinking",
    "Refusal": "issrnn.groups",
    "ShrinkError": "issrnn.errors",
    "Slice": "issrnn.groups",
    "StackedRecurrent": "issrnn.recurrent",
    "find_groups": "issrnn.find",
    "flush_subnormals_": "issrnn.subnormals",
    "l1_subgradient_": "issrnn.lasso",
    "removable_components": "issrnn.shrinking",
    "shrink": "issrnn.shrinking",
    "shrink_": "issrnn.shrinking",
    "threshold_": "issrnn.lasso",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
