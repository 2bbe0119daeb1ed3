"""Every engine of a reader gives the same logits, whatever a passage is batched with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from issrnn.architecture import BiDAFArchitecture
from issrnn.artifact import Artifact
from issrnn.reading.encoding import Encoded
from service.engines import create_engine
from service.engines.base import Engine, EngineName
from service.engines.bidaf import Passage, SpanLogits
from tests.artifacts import make_reader

TOLERANCE = 1e-4
FP32: tuple[EngineName, ...] = ("onnxruntime-fp32", "torch-fp32")
SIZES = (9, 4, 6, 3, 2, 7, 5, 8)
LENGTHS = [(1, 1), (30, 4), (2, 9), (17, 1), (30, 2), (5, 5)]
"""Words of a context and of a question; the question may be the longer one."""


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    assert len(set(SIZES)) == 8
    return make_reader(tmp_path_factory.mktemp("models") / "reader", hidden_sizes=SIZES)


def passages(artifact: Artifact, lengths: list[tuple[int, int]], seed: int = 0) -> list[Passage]:
    architecture = artifact.card.architecture
    assert isinstance(architecture, BiDAFArchitecture)
    generator = np.random.default_rng(seed)

    def text(words: int) -> Encoded:
        vectors = generator.normal(0, 1, (words, architecture.word_vector_size))
        shape = words, architecture.word_length
        characters = generator.integers(0, architecture.character_count, shape)
        return Encoded(vectors.astype(np.float32), characters)

    return [Passage(text(context), text(question)) for context, question in lengths]


def assert_same(one: SpanLogits, other: SpanLogits) -> None:
    np.testing.assert_allclose(one.starts, other.starts, atol=TOLERANCE, rtol=0)
    np.testing.assert_allclose(one.ends, other.ends, atol=TOLERANCE, rtol=0)


def engine_of(artifact: Artifact, name: EngineName) -> Engine[Passage, SpanLogits]:
    return create_engine(name, artifact, threads=1)


def test_onnxruntime_agrees_with_torch(artifact: Artifact) -> None:
    items = passages(artifact, LENGTHS)
    reference = engine_of(artifact, "torch-fp32").compute(items)
    found = engine_of(artifact, "onnxruntime-fp32").compute(items)
    for item, one, other in zip(items, found, reference, strict=True):
        assert one.starts.shape == one.ends.shape == (len(item.context.vectors),)
        assert_same(one, other)
    spread = np.concatenate([each.starts for each in reference])
    assert np.std(spread) > 100 * TOLERANCE  # lively enough for a difference to show


@pytest.mark.parametrize("name", FP32)
def test_a_passage_is_read_alike_alone_and_in_a_batch(artifact: Artifact, name: EngineName) -> None:
    engine = engine_of(artifact, name)
    items = passages(artifact, LENGTHS)
    for item, together in zip(items, engine.compute(items), strict=True):
        assert_same(engine.compute([item])[0], together)


@pytest.mark.parametrize("name", FP32)
@pytest.mark.parametrize("text", ["context", "question"])
def test_both_directions_are_read_to_the_end(
    artifact: Artifact, name: EngineName, text: str
) -> None:
    engine = engine_of(artifact, name)
    [item, longer] = passages(artifact, [(12, 6), (20, 9)])
    before = engine.compute([item, longer])[0]
    encoded: Encoded = getattr(item, text)
    for word in (0, len(encoded.vectors) - 1):
        vectors = encoded.vectors.copy()
        vectors[word] += 3.0
        other = replace(encoded, vectors=vectors)
        changed = (
            Passage(other, item.question) if text == "context" else Passage(item.context, other)
        )
        after = engine.compute([changed, longer])[0]
        moved = np.abs(after.ends - before.ends)
        assert moved[0] > 10 * TOLERANCE
        assert moved[-1] > 10 * TOLERANCE


def test_characters_tell_words_apart_that_have_no_vector(artifact: Artifact) -> None:
    engine = engine_of(artifact, "onnxruntime-fp32")
    [item] = passages(artifact, [(4, 2)])
    nothing = np.zeros_like(item.context.vectors)
    one, other = (
        replace(item, context=Encoded(nothing, characters))
        for characters in (item.context.characters, item.context.characters[::-1].copy())
    )
    assert np.abs(engine.compute([one])[0].starts - engine.compute([other])[0].starts).max() > 0.01


def test_int8_is_near_fp32_and_smaller(tmp_path: Path) -> None:
    artifact = make_reader(tmp_path / "reader", hidden_sizes=(40, 30, 50, 30, 40, 30, 20, 40))
    int8, fp32 = (engine_of(artifact, name) for name in ("onnxruntime-int8", "onnxruntime-fp32"))
    items = passages(artifact, [(20, 5), (30, 8)])
    pairs = zip(int8.compute(items), fp32.compute(items), strict=True)
    gaps = np.concatenate([one.ends - other.ends for one, other in pairs])
    assert np.abs(gaps).mean() < 0.5
    assert (gaps != 0).any()
    assert int8.weight_bytes < 0.5 * fp32.weight_bytes
