"""A file is fetched whole, or the reason is one line."""

import http.client
import io
import urllib.request
from pathlib import Path

import pytest

from training.download import download
from training.errors import DataError


def test_a_transfer_that_breaks_off_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class BrokenOff(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise http.client.IncompleteRead(b"half", 4)

    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: BrokenOff())
    with pytest.raises(DataError, match=r"cannot fetch https://a/b: IncompleteRead\(4 bytes read"):
        download("https://a/b", tmp_path / "b", "0" * 64)
    assert not list(tmp_path.iterdir())
