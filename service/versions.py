"""Which release this is, and what it computes with."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["version_of"]


def version_of(package: str) -> str:
    """The installed version; ``none`` for a package that is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
