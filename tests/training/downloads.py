"""Files in place of the network."""

import io
import urllib.error
import urllib.request

import pytest

__all__ = ["fake_download"]


def fake_download(monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]) -> list[str]:
    """Serve files in place of the network; returns the addresses asked for."""
    asked: list[str] = []

    def urlopen(url: str, timeout: float) -> io.BytesIO:
        asked.append(url)
        if url not in files:
            raise urllib.error.URLError("no route to host")
        return io.BytesIO(files[url])

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return asked
