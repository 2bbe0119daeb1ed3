"""Tokens: where words end, and that places always fit."""

# ruff: noqa: RUF001 - curly quotes and dashes are what is tested

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issrnn.reading import tokenize


def words(text: str) -> list[str]:
    return [token.text for token in tokenize(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \t\n\u00a0\u2003\u3000\u200b\ufeff\x00", []),
        ("The dog barked.", ["The", "dog", "barked", "."]),
        ("won't, shouldn't've", ["wo", "n't", ",", "should", "n't", "'ve"]),
        ("Bob's dogs' o'clock Qur'an", ["Bob", "'s", "dogs", "'", "o'clock", "Qur'an"]),
        ("the '90s and 'it's' here", ["the", "'", "90s", "and", "'", "it", "'s", "'", "here"]),
        ("U.S. e.g. J.R.R. U.S.A 4.15 a.m.", ["U.S.", "e.g.", "J.R.R.", "U.S.A", "4.15", "a.m."]),
        ("the end.Next", ["the", "end", ".", "Next"]),
        ("1,234.5 12:30:01 1, 2", ["1,234.5", "12:30:01", "1", ",", "2"]),
        ("US$3 5% £1.2bn 13th 1990s", ["US", "$", "3", "5", "%", "£", "1.2bn", "13th", "1990s"]),
        ("1990-91 Denver–Carolina", ["1990", "-", "91", "Denver", "–", "Carolina"]),
        ("wait -- what...", ["wait", "--", "what", "..."]),
        (
            "and/or [sic] (a_b) R&B",
            ["and", "/", "or", "[", "sic", "]", "(", "a", "_", "b", ")", "R&B"],
        ),
        ("“quoted” ‘so’ it’s", ['"', "quoted", '"', "'", "so", "'", "it", "'s"]),
        ("20\u221230 non\u2010stop", ["20", "-", "30", "non", "-", "stop"]),
        ("東京タワーは333m", ["東", "京", "タ", "ワ", "ー", "は", "333m"]),
        ("Cafe\u0301 nai\u0308ve co\u00adoperate", ["Café", "naïve", "cooperate"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("שלום, עולם!", ["שלום", ",", "עולם", "!"]),
        ("👍🏽👩\u200d🚀 ❤\ufe0f", ["👍🏽", "👩\u200d", "🚀", "❤\ufe0f"]),
    ],
)
def test_words_end_where_a_reader_would_say(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_places_are_of_the_source_whatever_is_looked_up() -> None:
    text = "A “cafe\u0301” co\u00adoperates"
    sources = [text[token.start : token.end] for token in tokenize(text)]
    assert sources == ["A", "“", "cafe\u0301", "”", "co\u00adoperates"]


def is_blank(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in {"Cc", "Cf"}


texts = st.one_of(
    st.text(st.characters(), max_size=60),
    st.text("abzSN 0129.,:'’“\"-–/&n't\u0301\u200d👍漢\u00ad\n", max_size=60),
)


@given(texts)
def test_tokens_stand_in_order_and_leave_out_nothing_but_blanks(text: str) -> None:
    position = 0
    for token in tokenize(text):
        assert position <= token.start < token.end
        assert token.text
        assert not any(c.isspace() for c in text[token.start : token.end])
        assert all(is_blank(c) for c in text[position : token.start])
        position = token.end
    assert all(is_blank(c) for c in text[position:])


@given(texts, texts)
def test_a_line_is_split_alike_whatever_comes_before(before: str, text: str) -> None:
    shift = len(before) + 1
    alone = [(t.text, t.start + shift, t.end + shift) for t in tokenize(text)]
    together = [tuple(token) for token in tokenize(f"{before}\n{text}") if token.start >= shift]
    assert together == alone


@pytest.mark.parametrize(
    "piece", ["a", "a.", "0,", "a'", "'", "a&", "\u0301", "\u0301\u0316", "n't"]
)
def test_hostile_texts_take_linear_time(piece: str) -> None:
    text = piece * (300_000 // len(piece))  # quadratic time would take hours
    tokens = tokenize(text)
    assert sum(token.end - token.start for token in tokens) == len(text)
