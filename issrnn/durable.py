"""Files and folders that are either the old one or the new one, also where a save was killed.

What is being written has a hidden name beside its place, ``.NAME-RANDOM.partial``. It reaches the
disk before it takes the place, and a folder takes it in exchange for the former one, in one step.
Where the system cannot exchange, the former one is ``.NAME-RANDOM.former`` for a moment: a kill in
just that moment leaves no ``NAME``, until the next save into that place's folder brings it back.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["PARTIAL", "only_writer", "whole_folder", "write_file", "write_whole"]

PARTIAL = ".partial"
"""Ends the name of what is still being written."""

_LEFTOVER = re.compile(r"\.(?P<name>.+)-[0-9a-f]{8}\.(?P<kind>partial|former)")
_CURRENT_FOLDER = -100
"""AT_FDCWD of Linux: paths are relative to the current folder."""
_EXCHANGE = 2
"""RENAME_EXCHANGE of Linux."""


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Keep other saves out of a folder, and clear away what killed ones left in it.

    Args:
        folder: Holds what is written.

    Raises:
        OSError: If it cannot be opened.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        # Some network file systems lock no folders. What is there may be another's then, and stays.
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _clear_leftovers(folder)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Replace a folder by the one this gives to be filled; after an error it is as it was.

    Args:
        folder: Need not exist yet.

    Raises:
        OSError: If the disk is full or cannot be written.
    """
    staging = _hidden(folder, PARTIAL)
    staging.mkdir()
    try:
        yield staging
        for path in (*staging.iterdir(), staging):
            _sync(path)
        _swap(staging, folder)
        _sync(folder.parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)  # by now perhaps the former folder


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Replace a file by what ``write`` writes; after an error it is as it was.

    Args:
        path: Its folder is made where it does not exist.
        write: Gets the open binary file.

    Raises:
        OSError: If the disk is full or cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = _hidden(path, PARTIAL)
    try:
        with staging.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        staging.replace(path)
        _sync(path.parent)
    finally:
        with contextlib.suppress(OSError):
            staging.unlink()


def write_file(path: Path, content: bytes) -> None:
    """`write_whole` of what is in memory already."""
    write_whole(path, lambda file: file.write(content))


def _hidden(path: Path, suffix: str) -> Path:
    return path.with_name(f".{path.name}-{secrets.token_hex(4)}{suffix}")


def _clear_leftovers(folder: Path) -> None:
    for path in folder.iterdir():
        match = _LEFTOVER.fullmatch(path.name)
        if match is None:
            continue
        place = folder / match["name"]
        if match["kind"] == "former" and not place.exists():
            path.rename(place)
        elif path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def _swap(staging: Path, folder: Path) -> None:
    """Move ``staging`` to ``folder``, of which a former one is removed or now is ``staging``."""
    if not folder.exists():
        staging.rename(folder)
        return
    if _exchange(staging, folder):
        return
    former = _hidden(folder, ".former")
    folder.rename(former)
    try:
        staging.rename(folder)
    except OSError:
        former.rename(folder)
        raise
    shutil.rmtree(former, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change places in one step; False where system or file system cannot."""
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    if rename is None:
        return False
    names = os.fsencode(one), os.fsencode(other)
    code: int = rename(_CURRENT_FOLDER, names[0], _CURRENT_FOLDER, names[1], _EXCHANGE)
    return code == 0


def _sync(path: Path) -> None:
    """Let the disk have all of a file, or a folder's list of names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
