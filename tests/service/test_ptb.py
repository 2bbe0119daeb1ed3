"""Raw English in the corpus' form, with places in the raw text."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.tasks.score.ptb import normalise, split_words
from tests.artifacts import WORDS

VOCABULARY = frozenset(WORDS) | {"mgm\\/ua", "calif.", "calif.-based", "o'brien"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The Market FELL.", "the market fell"),
        ("It rose 1,234.5 in 1989, or 10%.", "it rose N in N or N N"),
        ("9 1/2 at 3:30, .5 and -7", "N N at N N and N"),
        ("a 30-year bond of the 1980s' 13th", "a 30-year bond of the 1980s ' 13th"),
        ("They can't, won't, don't; cannot!", "they ca n't wo n't do n't can not"),
        ("They're Smith's traders' \u2018stock\u2019", "they 're smith 's traders ' stock"),
        ("It isn\u2019t", "it is n't"),
        ("Mr. Smith of Inc., said Corp.", "mr. smith of inc. said corp"),
        ("Mr Smith", "mr. smith"),
        ("in the U.S. market", "in the u.s. market"),
        ("in the U.S.", "in the u.s."),
        ("at 8 p.m.", "at N p.m"),
        ("They said no. It fell.", "they said no it fell"),
        ("the No. 2 company in Smith, Ill., rose", "the no. N company in smith ill. rose"),
        ("$5, C$5 & £5", "$ N c$ N & # N"),
        ("S&P and MGM/UA", "s&p and mgm\\/ua"),
        ("they'd've, she'sn't", "they 'd 've she 's n't"),
        ("Calif.-based O'Brien's", "calif.-based o'brien 's"),
        (
            "\u201cLong-term\u201d \u2014 (stock) [in] *the* market\u2026",
            "long-term stock in the market",
        ),
        ("company 's do n't", "company 's do n't"),
        ("", ""),
        ("?!... \u201c\u201d", ""),
        (
            "caf\u00e9 cafe\u0301 \u65e5\u672c\u8a9e \U0001f642",
            "caf\u00e9 cafe\u0301 \u65e5\u672c\u8a9e",
        ),
    ],
)
def test_the_corpus_conventions(text: str, words: str) -> None:
    assert " ".join(word.text for word in normalise(text, VOCABULARY)) == words


def test_a_long_word_takes_no_longer_than_many_short_ones() -> None:
    almost_clitics = "a" + 100_000 * "'s" + "z"  # hours, if each start were tried with each end
    assert [word.text for word in normalise(almost_clitics, VOCABULARY)] == [almost_clitics]


def test_words_point_to_their_source() -> None:
    text = "Mr. Smith won't pay $1,000 (or 5%) \u2014 he can't."
    sources = [text[word.start : word.end] for word in normalise(text, VOCABULARY)]
    assert sources == [
        "Mr.", "Smith", "wo", "n't", "pay", "$", "1,000", "or", "5", "%", "he", "ca", "n't",
    ]  # fmt: skip


@given(st.text() | st.text(alphabet="aNs'.-&/$%0 \u2019,U\u0130"))
@example("\u0130's")
@example("'s's'ss'")
def test_places_ascend_within_the_text_and_hold_the_word(text: str) -> None:
    end = 0
    for word in normalise(text, VOCABULARY):
        assert end <= word.start < word.end <= len(text)
        end = word.end
        source = text[word.start : word.end].lower().replace("\u2019", "'").replace("\u2018", "'")
        source = source.replace("\u02bc", "'").replace("\uff07", "'").replace("/", "\\/")
        assert (
            word.text in ("N", "#") or word.text == source or word.text.removesuffix(".") == source
        )
        assert not re.search(r"\s", word.text)


@given(st.text())
def test_pretokenized_text_is_only_split(text: str) -> None:
    words = split_words(text)
    assert [word.text for word in words] == re.findall(r"\S+", text)
    assert all(text[word.start : word.end] == word.text for word in words)
