import json
from pathlib import Path

import pytest

from issrnn.reading.words import plain_words
from loadtests.tasks.reviews import REVIEWS_FILE, Review, read_reviews

REVIEWS = read_reviews()


def test_there_are_enough_reviews_of_all_lengths_and_both_kinds() -> None:
    for label in ("positive", "negative"):
        lengths = [review.words for review in REVIEWS if review.label == label]
        assert len(lengths) == 20
        assert min(lengths) < 10
        assert len([words for words in lengths if 80 <= words <= 100]) == 6
        assert len([words for words in lengths if 250 <= words <= 300]) == 2
    assert {review.label for review in REVIEWS} == {"positive", "negative"}
    assert len({review.text for review in REVIEWS}) == len(REVIEWS)
    assert all(plain_words(review.text) for review in REVIEWS)
    assert any("<br />" in review.text for review in REVIEWS)  # as in IMDB


def test_the_file_states_its_origin() -> None:
    document = json.loads(REVIEWS_FILE.read_text(encoding="utf-8"))
    assert document["origin"].startswith("Written for this project")


def test_reviews_are_read(tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    file.write_text('{"reviews": [{"label": "positive", "text": "An ox!"}]}')
    assert read_reviews(file) == (Review("An ox!", "positive"),)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot read the reviews"),
        ("[]", "cannot read the reviews"),
        ('{"reviews": [{"text": "An ox!"}]}', "label"),
        ('{"reviews": []}', "holds no review"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "own.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ValueError, match=said) as caught:
        read_reviews(file)
    assert "own.json" in str(caught.value)
