"""Accuracy and macro F1 over labelled texts."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from issrnn.artifact import Artifact
from issrnn.reading.label_scores import score_labels
from issrnn.reading.words import word_ids
from service.engines import Engine
from service.engines.classifier import LabelLogits, TextChunk
from service.measuring.computing import compute_alone
from service.measuring.labelled_texts import read_labelled_texts
from service.measuring.measurement import Measurement
from service.settings import Settings
from service.tasks.classify.job import ClassifyJob

__all__ = ["measure_labels"]


def measure_labels(
    engine: Engine[TextChunk, LabelLogits], artifact: Artifact, path: Path, settings: Settings
) -> Measurement:
    """Classify all texts, as ``/classify`` does those of one request.

    Texts with a label that the model does not have are left out.

    Args:
        engine: What computes.
        artifact: The model.
        path: As `read_labelled_texts` takes it.
        settings: Words of a chunk and size of a batch; an int8 engine's answers depend slightly on
            them.

    Raises:
        OSError, ValueError: As `read_labelled_texts`, or if no text has one of the model's labels.
    """
    labels = artifact.card.labels or ()
    texts = [each for each in read_labelled_texts(path) if each.label in labels]
    if not texts:
        raise ValueError(f"{path} has no text with one of the labels {', '.join(labels)}")
    started = time.perf_counter()
    words = [np.array(word_ids(each.text, artifact.vocabulary), np.int64) for each in texts]
    job = ClassifyJob(words, chunk_steps=settings.chunk_steps)
    found = [logits.argmax() for logits in compute_alone(engine, job, settings)]
    true = np.array([labels.index(each.label) for each in texts])
    return Measurement(
        figures=score_labels(np.array(found), true),
        subject=f"{len(texts)} texts",
        seconds=time.perf_counter() - started,
    )
