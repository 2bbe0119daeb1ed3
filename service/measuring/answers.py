"""Exact match and F1 over the questions of a file in SQuAD's layout."""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ValidationError

from issrnn.artifact import Artifact
from issrnn.invalid import first_problem
from issrnn.reading.scores import exact_match, f1
from service.engines import Engine
from service.engines.bidaf import Passage, SpanLogits
from service.measuring.computing import compute_alone
from service.measuring.measurement import Measurement
from service.settings import Settings
from service.tasks.answer.job import AnswerJob
from service.tasks.answer.reading import Reader, find_answers, read
from service.tasks.answer.schemas import AnswerRequest

__all__ = ["measure_answers"]


class _Truth(BaseModel):
    text: str


class _Question(BaseModel):
    question: str
    answers: list[_Truth]


class _Paragraph(BaseModel):
    context: str
    qas: list[_Question]


class _Article(BaseModel):
    paragraphs: list[_Paragraph]


class _Dataset(BaseModel):
    """https://rajpurkar.github.io/SQuAD-explorer, version 1.1."""

    data: list[_Article]


def measure_answers(
    engine: Engine[Passage, SpanLogits], artifact: Artifact, path: Path, settings: Settings
) -> Measurement:
    """Answer each question alone, as ``/answer`` does for one client.

    Args:
        engine: What computes.
        artifact: The model.
        path: In SQuAD's layout, ``.json`` or ``.json.gz``.
        settings: Limits of a batch; an int8 engine's answers depend slightly on what is computed
            together.

    Raises:
        OSError, ValueError: If the file cannot be read, is of another layout, or has no questions.
    """
    reader = Reader.of(artifact.card, artifact.vocabulary, artifact.word_vectors)
    started = time.perf_counter()
    exact_matches, f1_scores = [], []
    for context, question in _questions(path):
        request = AnswerRequest(question=question.question, context=context)
        answer = _answer(engine, reader, request, settings)
        truths = [truth.text for truth in question.answers]
        exact_matches.append(exact_match(answer, truths))
        f1_scores.append(f1(answer, truths))
    count = len(f1_scores)
    if not count:
        raise ValueError(f"{path} has no questions")
    return Measurement(
        figures={
            "exact_match": 100 * sum(exact_matches) / count,
            "f1": 100 * sum(f1_scores) / count,
        },
        subject=f"{count} questions",
        seconds=time.perf_counter() - started,
    )


def _questions(path: Path) -> Iterator[tuple[str, _Question]]:
    content = path.read_bytes()
    try:
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        dataset = _Dataset.model_validate_json(content)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    except ValidationError as error:
        raise ValueError(f"{path} is not in SQuAD's layout: {first_problem(error)}") from error
    for article in dataset.data:
        for paragraph in article.paragraphs:
            for question in paragraph.qas:
                yield paragraph.context, question


def _answer(
    engine: Engine[Passage, SpanLogits],
    reader: Reader,
    request: AnswerRequest,
    settings: Settings,
) -> str:
    context = read(request, reader, settings)
    logits = compute_alone(engine, AnswerJob(context.passages), settings)
    return find_answers(request, context, reader.rules, logits)[0].text
