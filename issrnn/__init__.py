"""Intrinsic Sparse Structures for any torch module with recurrent layers.

Names are loaded on first use, so that reading an artifact (`issrnn.artifact`) needs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from issrnn.groups import Group, Groups, Refusal, Slice

__all__ = ["Group", "Groups", "Refusal", "Slice"]

_HOMES = {
    "Group": "issrnn.groups",
    "Groups": "issrnn.groups",
    "Refusal": "issrnn.groups",
    "Slice": "issrnn.groups",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
