"""Public files, fetched whole and verified."""

from __future__ import annotations

import hashlib
import http.client
import urllib.request
from pathlib import Path

from training.errors import DataError
from training.files import write_whole

__all__ = ["download"]

_SECONDS = 60


def download(url: str, target: Path, sha256: str) -> None:
    """Fetch a file whose checksum is known; afterwards it is complete or not there.

    Args:
        url: An https address.
        target: Where it goes; its folder is made.
        sha256: What it must have.

    Raises:
        DataError: If it cannot be fetched, or is another file.
        RunError: If it cannot be written.
    """
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as response:  # noqa: S310 - fixed https
            content = response.read()
    except (OSError, http.client.HTTPException) as error:  # the second if a transfer breaks off
        raise DataError(f"cannot fetch {url}: {error}") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DataError(f"{url} sent something else than the known file; nothing was written")
    write_whole(target, lambda file: file.write(content))
