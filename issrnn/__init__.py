"""Intrinsic Sparse Structures for any torch module with recurrent layers.

Names are loaded on first use, so that reading an artifact (`issrnn.artifact`) needs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from issrnn.errors import ShrinkError
    from issrnn.find import find_groups
    from issrnn.groups import Group, Groups, Refusal, Slice
    from issrnn.recurrent import StackedRecurrent
    from issrnn.shrinking import LiveShrink, removable_components, shrink, shrink_
    from issrnn.subnormals import flush_subnormals_

__all__ = [
    "Group",
    "Groups",
    "LiveShrink",
    "Refusal",
    "ShrinkError",
    "Slice",
    "StackedRecurrent",
    "find_groups",
    "flush_subnormals_",
    "removable_components",
    "shrink",
    "shrink_",
]

_HOMES = {
    "Group": "issrnn.groups",
    "Groups": "issrnn.groups",
    "LiveShrink": "issrnn.shrinking",
    "Refusal": "issrnn.groups",
    "ShrinkError": "issrnn.errors",
    "Slice": "issrnn.groups",
    "StackedRecurrent": "issrnn.recurrent",
    "find_groups": "issrnn.find",
    "flush_subnormals_": "issrnn.subnormals",
    "removable_components": "issrnn.shrinking",
    "shrink": "issrnn.shrinking",
    "shrink_": "issrnn.shrinking",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
