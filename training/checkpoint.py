"""A training's checkpoint and best weights on disk: no pickled code, never half-written."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from training.errors import RunError, reason
from training.files import write_whole

__all__ = ["FORMAT_VERSION", "load_document", "save_document"]

FORMAT_VERSION = 1

_DAMAGE = (OSError, RuntimeError, ValueError, EOFError, KeyError, pickle.UnpicklingError)
"""What `torch.load` raises over bytes that are not a whole file of its own."""


def save_document(path: Path, document: Mapping[str, Any]) -> None:
    """Replace ``path`` by a document of tensors and plain values.

    Raises:
        RunError: If it cannot be written, as on a full disk; ``path`` is as it was.
    """
    whole = {**document, "format_version": FORMAT_VERSION}
    write_whole(path, lambda file: torch.save(whole, file))


def load_document(path: Path) -> dict[str, Any]:
    """Read what `save_document` wrote; runs no code of the file's.

    Raises:
        RunError: If it is missing, damaged, or of another format version.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise RunError(f"cannot read {path}: {reason(error)}") from error
    with file:
        try:
            document = torch.load(file, map_location="cpu", weights_only=True)
        except _DAMAGE as error:
            raise RunError(f"{path} is damaged: it is not what a run has saved") from error
    version = document.get("format_version") if isinstance(document, dict) else None
    if version != FORMAT_VERSION:
        raise RunError(f"{path} has format version {version}; this release reads {FORMAT_VERSION}")
    return dict(document)
