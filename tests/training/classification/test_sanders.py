"""The Sanders corpus: tweets with quotes and line breaks, or a line that says what is wrong."""

from pathlib import Path

import pytest

from tests.training.classification.small_corpora import make_tweets, write_sanders
from training.classification.sanders import find_sanders, read_sanders
from training.errors import DataError


def test_tweets_are_read_with_their_labels(tmp_path: Path) -> None:
    corpus = read_sanders(find_sanders(write_sanders(tmp_path)))
    assert [(tweet.label, tweet.text) for tweet in corpus.texts] == make_tweets()
    assert "\n" in corpus.texts[0].text
    assert not any(tweet.is_test for tweet in corpus.texts)
    assert set(corpus.sha256) == {"full-corpus.csv"}
    assert find_sanders(tmp_path / "sanders") == find_sanders(tmp_path)


def test_missing_data_say_where_to_point(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"sanders/full-corpus\.csv: point --data .* by their ids"):
        find_sanders(tmp_path)


HEAD = '"Topic","Sentiment","TweetId","TweetDate","TweetText"\n'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the columns must be Topic, Sentiment"),
        (b'"Topic","Text"\n', "the columns must be Topic, Sentiment"),
        (HEAD.encode(), "holds no tweets"),
        (f'{HEAD}"a","good","1","d","text"\n'.encode(), "line 2: the sentiment must be .* 'good'"),
        (f'{HEAD}"a","positive","1","d"\n'.encode(), "line 2: .*with a text"),
        (f'{HEAD}"a","positive","1","d","open\n'.encode(), "cannot read"),
        (f'{HEAD}"a","positive","1","d","'.encode() + b'\xff"\n', "cannot read .*utf-8"),
    ],
)
def test_another_layout_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "full-corpus.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_sanders(path)
