"""From a question and a context to passages, and from logits to parts of the context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from issrnn.architecture import BiDAFArchitecture
from issrnn.artifact import Card
from issrnn.reading.encoding import Encoded, encode
from issrnn.reading.rules import Reading
from issrnn.reading.spans import best_spans
from issrnn.reading.tokens import Token, tokenize
from issrnn.reading.windows import Window, split
from issrnn.vocabulary import Vocabulary
from issrnn.word_vectors import WordVectors
from service.engines.bidaf import Passage, SpanLogits
from service.problems import FieldProblemError
from service.settings import Settings
from service.tasks.answer.schemas import Answer, AnswerRequest
from service.visible import shows_something

__all__ = ["ReadContext", "Reader", "find_answers", "read"]


@dataclass(frozen=True, eq=False)
class Reader:
    """What reading takes besides the network."""

    rules: Reading
    word_vectors: WordVectors
    characters: Vocabulary
    word_length: int
    """Characters of a word that are read."""

    @classmethod
    def of(cls, card: Card, vocabulary: Vocabulary, word_vectors: WordVectors | None) -> Reader:
        """The reader that an artifact says a model needs.

        Raises:
            ValueError: If it is not one of a model for the task answer.
        """
        architecture = card.architecture
        if (
            card.reading is None
            or word_vectors is None
            or not isinstance(architecture, BiDAFArchitecture)
        ):
            raise ValueError(f"{card.name} is a model for {card.task!r}, not 'answer'")
        return cls(card.reading, word_vectors, vocabulary, architecture.word_length)

    def encode(self, tokens: Sequence[Token]) -> Encoded:
        """Words as the network reads them."""
        return encode(tokens, self.word_vectors, self.characters, self.word_length)


@dataclass(frozen=True, eq=False)
class ReadContext:
    """A context's words and windows."""

    tokens: Sequence[Token]
    windows: Sequence[Window]
    passages: Sequence[Passage]
    """One a window."""


def read(request: AnswerRequest, reader: Reader, settings: Settings) -> ReadContext:
    """Find the words of a request, and what the network reads of them.

    Raises:
        FieldProblemError: 422 if a text has no words or ``max_answer_words`` is more than the
            model's own longest answer; 413 if a text has too many words.
    """
    longest = reader.rules.answer_words
    if request.max_answer_words is not None and request.max_answer_words > longest:
        message = f"{request.max_answer_words}; this model's answers have {longest} words at most"
        raise FieldProblemError(422, "max_answer_words", message)
    question = _words(request.question, "question", settings.max_question_words)
    tokens = _words(request.context, "context", settings.max_context_words)
    asked, encoded = reader.encode(question), reader.encode(tokens)
    windows = split(len(tokens), reader.rules)
    passages = [
        Passage(_part(encoded, window), asked, index) for index, window in enumerate(windows)
    ]
    return ReadContext(tokens, windows, passages)


def find_answers(
    request: AnswerRequest,
    context: ReadContext,
    rules: Reading,
    logits: Sequence[SpanLogits],
) -> list[Answer]:
    """The best parts of a context, as the request wants them.

    Args:
        request: As it was read.
        context: As `read` gave it.
        rules: The reader's.
        logits: The network's for each window.
    """
    if request.max_answer_words is not None:
        rules = rules.model_copy(update={"answer_words": request.max_answer_words})
    spans = best_spans(
        context.windows,
        [window.starts for window in logits],
        [window.ends for window in logits],
        rules,
        request.top_k,
    )
    answers = []
    for span in spans:
        start, end = context.tokens[span.first].start, context.tokens[span.last].end
        text = request.context[start:end]
        answers.append(Answer(text=text, start=start, end=end, score=min(span.probability, 1.0)))
    return answers


def _words(text: str, path: str, most: int) -> list[Token]:
    tokens = tokenize(text)
    if not tokens or not shows_something(text):
        message = "has no words, only characters that are not visible"
        raise FieldProblemError(422, path, message)
    if len(tokens) > most:
        setting = f"MAX_{path.upper()}_WORDS"
        message = f"{len(tokens)} words; at most {most} are allowed (setting {setting})"
        raise FieldProblemError(413, path, message)
    return tokens


def _part(encoded: Encoded, window: Window) -> Encoded:
    words = slice(window.start, window.stop)
    return Encoded(encoded.vectors[words], encoded.characters[words])
