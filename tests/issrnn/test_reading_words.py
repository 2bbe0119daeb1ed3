"""Words of a classifier: what people type becomes few and plain words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issrnn.reading import plain_words, word_ids
from issrnn.vocabulary import PADDING, UNKNOWN, Vocabulary


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("A GREAT movie!!", ["a", "great", "movie", "!", "!"]),
        ("I don't like it.", ["i", "do", "n't", "like", "it", "."]),
        ("Boring.<br /><br />The end.", ["boring", ".", "the", "end", "."]),
        ("one<BR>two<br/>three", ["one", "two", "three"]),
        ("5 < 6 <brilliant>", ["5", "<", "6", "<", "brilliant", ">"]),
        (
            "RT @Apple: #fail http://t.co/8ExbnQjY :)",
            ["rt", "@", "apple", ":", "#", "fail", "http", ":", ")"],
        ),
        ("see www.example.com/a?b=c or HTTPS://X.Y", ["see", "http", "or", "http"]),
        ("Awww...how cute", ["awww", "...", "how", "cute"]),
        ("“Café” ist SCHÖN", ['"', "café", '"', "ist", "schön"]),
        ("最高の映画", ["最", "高", "の", "映", "画"]),
        ("ΜΕΓΆΛΟ ФИЛЬМ", ["μεγάλο", "фильм"]),
    ],
)
def test_texts_become_lower_case_words_and_signs(text: str, expected: list[str]) -> None:
    assert plain_words(text) == expected


@given(st.text())
def test_any_text_has_words_without_blanks(text: str) -> None:
    for word in plain_words(text):
        assert word
        assert not any(character.isspace() for character in word)


def test_a_text_without_words_is_read_as_an_unknown_one() -> None:
    vocabulary = Vocabulary((PADDING, UNKNOWN, "good"))
    assert word_ids("Good, good!", vocabulary) == [2, 1, 2, 1]
    assert word_ids(" <br /> ", vocabulary) == [1]


@pytest.mark.parametrize("piece", ["<br", "<br ", "http://", "www.", "<", "\n"])
def test_hostile_texts_take_linear_time(piece: str) -> None:
    plain_words(piece * (300_000 // len(piece)))  # quadratic time would take hours
