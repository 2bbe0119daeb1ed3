"""A few made-up reviews and tweets in the layouts of IMDB and of the Sanders corpus."""

from __future__ import annotations

import csv
import random
import tarfile
from pathlib import Path

__all__ = ["make_tweets", "review", "reviews", "write_imdb", "write_imdb_archive", "write_sanders"]

GOOD = ("great", "moving", "funny", "lovely")
BAD = ("awful", "boring", "stupid", "bland")
PLAIN = ("the", "movie", "is", "a", "story", "of", "two", "actors", "and", ",", "plot")

Reviews = dict[tuple[str, str, str], str]
"""By split, folder and file name."""


def review(chance: random.Random, label: str) -> str:
    """Some sentences, of which one says what the writer thinks."""
    telling = chance.choice(GOOD if label == "pos" else BAD)
    before, after = (" ".join(chance.choices(PLAIN, k=chance.randint(1, 12))) for _ in range(2))
    return f"{before.capitalize()}.<br /><br />It is {telling}! {after}"


def reviews(each: int = 24) -> Reviews:
    """So many of each label in each split."""
    chance = random.Random(0)
    return {
        (split, label, f"{number}_{9 if label == 'pos' else 2}.txt"): review(chance, label)
        for split in ("train", "test")
        for label in ("pos", "neg")
        for number in range(each)
    }


def write_imdb(folder: Path, texts: Reviews | None = None) -> Path:
    """Write ``FOLDER/imdb/aclImdb`` as the archive unpacks; returns ``FOLDER``."""
    root = folder / "imdb" / "aclImdb"
    for (split, label, name), text in (texts or reviews()).items():
        path = root / split / label / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (root / "train" / "unsup").mkdir(parents=True, exist_ok=True)
    (root / "train" / "unsup" / "0_0.txt").write_text("unlabelled", encoding="utf-8")
    (root / "README").write_text("Large Movie Review Dataset", encoding="utf-8")
    return folder


def write_imdb_archive(folder: Path, name: str, texts: Reviews | None = None) -> Path:
    """Write ``FOLDER/imdb/NAME``, a .tar.gz or .tar.xz; returns ``FOLDER``."""
    unpacked = write_imdb(folder / "unpacked", texts) / "imdb" / "aclImdb"
    (folder / "imdb").mkdir(exist_ok=True)
    kind = "w:xz" if name.endswith("xz") else "w:gz"
    with tarfile.open(folder / "imdb" / name, kind) as archive:  # type: ignore[call-overload]
        archive.add(unpacked, "aclImdb")
    return folder


def make_tweets(each: int = 12) -> list[tuple[str, str]]:
    """So many tweets of each label, with it."""
    chance = random.Random(1)
    words = {
        "positive": GOOD,
        "negative": BAD,
        "neutral": ("new", "today", "update", "version"),
        "irrelevant": ("hola", "bonjour", "amigos", "salut"),
    }
    return [
        (label, f'@company {chance.choice(telling)} "phone",\nsee http://t.co/{number}')
        for label, telling in words.items()
        for number in range(each)
    ]


def write_sanders(folder: Path, tweets: list[tuple[str, str]] | None = None) -> Path:
    """Write ``FOLDER/sanders/full-corpus.csv``; returns ``FOLDER``."""
    (folder / "sanders").mkdir(parents=True, exist_ok=True)
    path = folder / "sanders" / "full-corpus.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(["Topic", "Sentiment", "TweetId", "TweetDate", "TweetText"])
        for number, (label, text) in enumerate(tweets or make_tweets()):
            writer.writerow(["company", label, number, "Tue Oct 18 2011", text])
    return folder
