"""Texts that show nothing have no answer."""

from __future__ import annotations

import httpx
import pytest

from service.visible import shows_something
from tests.service.problems import first_error

NOTHING = ["\u200d", "\u200b\u200d", "\u00ad", "\u034f", "\u3164", "\ufe0f", "\U000e0100", "\u2060"]


@pytest.mark.parametrize("text", NOTHING)
def test_invisible_characters_alone_are_refused(
    reader_client: httpx.Client, classifier_client: httpx.Client, text: str
) -> None:
    asked = reader_client.post("/answer", json={"question": "who", "context": text})
    assert first_error(asked, 422)["path"] == "context"
    asked = reader_client.post("/answer", json={"question": text, "context": "the bank"})
    assert first_error(asked, 422)["path"] == "question"
    labelled = classifier_client.post("/classify", json={"texts": ["good", text]})
    assert first_error(labelled, 422)["path"] == "texts[1]"


@pytest.mark.parametrize("text", ["a", " \u00e9", "\u200d\U0001f469", "\u4e2d", ".", "\u0301"])
def test_what_can_be_seen_is_read(text: str) -> None:
    assert shows_something(text)
