"""Intrinsic Sparse Structures and sparse training for any torch module with recurrent layers.

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
    from issrnn.life_averages import update_averages_
    from issrnn.recurrent import StackedRecurrent
    from issrnn.set_masks import SparseEvolution
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
    "SparseEvolution",
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
    "update_averages_",
]

_NAMES = {
    "counting": ("Comparison", "Count", "compare", "count"),
    "declare": ("Declaration", "DeclarationError", "declare_groups", "groups_to_json"),
    "errors": ("ShrinkError",),
    "find": ("find_groups",),
    "groups": ("Group", "Groups", "Refusal", "Slice"),
    "lasso": ("GroupLasso", "l1_subgradient_", "threshold_"),
    "life_averages": ("update_averages_",),
    "recurrent": ("StackedRecurrent",),
    "set_masks": ("SparseEvolution",),
    "shrinking": ("LiveShrink", "removable_components", "shrink", "shrink_"),
    "subnormals": ("flush_subnormals_",),
}
_HOMES = {name: f"issrnn.{module}" for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
