"""A closed list of words or characters and its file, a Hugging Face ``tokenizer.json``.

The format lets evaluation clients load the same tokenizer with ``AutoTokenizer``; reading it here
takes only the JSON module.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["END", "PADDING", "UNKNOWN", "Vocabulary"]

END = "<eos>"
"""Ends every sentence, and starts the first."""
PADDING = "<pad>"
"""Fills what is shorter than its place."""
UNKNOWN = "<unk>"
"""Stands for every word that is not in the vocabulary."""


@dataclass(frozen=True)
class Vocabulary:
    """Words and their ids; id ``i`` is ``words[i]``.

    Raises:
        ValueError: If a word occurs twice, or ``<unk>`` is missing.
    """

    words: tuple[str, ...]
    ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", {word: i for i, word in enumerate(self.words)})
        if len(self.ids) != len(self.words):
            repeated = next(w for i, w in enumerate(self.words) if self.ids[w] != i)
            raise ValueError(f"the word {repeated!r} occurs twice in the vocabulary")
        if UNKNOWN not in self.ids:
            raise ValueError(f"the vocabulary has no {UNKNOWN}")

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, words: Iterable[str]) -> list[int]:
        """The id of each word; that of ``<unk>`` for a word that is not in the vocabulary."""
        unknown = self.ids[UNKNOWN]
        return [self.ids.get(word, unknown) for word in words]

    def to_json(self) -> str:
        """The text of a ``tokenizer.json``: a word-level model that splits on white space."""
        return json.dumps(
            {
                "version": "1.0",
                "truncation": None,
                "padding": None,
                "added_tokens": [],
                "normalizer": None,
                "pre_tokenizer": {"type": "WhitespaceSplit"},
                "post_processor": None,
                "decoder": None,
                "model": {"type": "WordLevel", "vocab": self.ids, "unk_token": UNKNOWN},
            },
            ensure_ascii=False,
            indent=0,
        )

    @classmethod
    def from_json(cls, text: str | bytes, path: Path) -> Vocabulary:
        """From the text of a ``tokenizer.json``.

        Args:
            text: In UTF-8, where it is bytes.
            path: Of its file, named in the error.

        Raises:
            ValueError: If it is not a word-level model with ids 0 to n - 1.
        """
        document = json.loads(text)
        try:
            model = document["model"]
            kind, ids = model["type"], model["vocab"]
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path} is not a tokenizer.json: no {error}") from None
        if kind != "WordLevel" or not isinstance(ids, dict):
            raise ValueError(f"{path} holds a {kind} model; only WordLevel is supported")
        if not all(isinstance(number, int) for number in ids.values()):
            raise ValueError(f"{path}: ids are not 0 to {len(ids) - 1}, each once")
        words = sorted(ids, key=ids.__getitem__)
        if [ids[word] for word in words] != list(range(len(words))):
            raise ValueError(f"{path}: ids are not 0 to {len(words) - 1}, each once")
        return cls(tuple(words))
