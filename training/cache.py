"""What is computed once from the data: kept in one file, made again when anything changed."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from training.files import write_whole

__all__ = ["Arrays", "cache_key", "read_cache", "write_cache"]

Arrays = dict[str, NDArray[Any]]

_DOCUMENT = "document"
_DIGEST_BYTES = 32
"""Of the SHA-256 at the beginning of the file."""


def cache_key(parts: object, code: Sequence[ModuleType]) -> str:
    """Changes with all that a result depends on.

    Args:
        parts: JSON values, such as checksums of the data.
        code: Modules that compute it.
    """
    sources = [hashlib.sha256(Path(str(m.__file__)).read_bytes()).hexdigest() for m in code]
    everything = json.dumps([parts, sources, unicodedata.unidata_version])
    return hashlib.sha256(everything.encode()).hexdigest()[:16]


def write_cache(file: Path, arrays: Mapping[str, NDArray[Any]], document: object) -> None:
    """Keep arrays and JSON values.

    Raises:
        RunError: If the file cannot be written.
    """
    text = np.frombuffer(json.dumps(document).encode(), np.uint8)
    content = safetensors.numpy.save({**arrays, _DOCUMENT: text})
    write_whole(file, lambda out: out.writelines((hashlib.sha256(content).digest(), content)))


def read_cache(file: Path) -> tuple[Arrays, Any] | None:
    """What `write_cache` kept; None if it is not there or not as it was written."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    digest, content = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        return None
    arrays = safetensors.numpy.load(content)
    return arrays, json.loads(arrays.pop(_DOCUMENT).tobytes())
