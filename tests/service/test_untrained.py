from pathlib import Path

import numpy as np
import pytest

from issrnn.architecture import (
    ClassifierArchitecture,
    RecurrentHighwayLanguageModel,
    RecurrentLanguageModel,
)
from issrnn.artifact import load
from service.untrained import UNTRAINED, main, make_all_untrained, make_untrained
from training.classification.config import ClassificationConfig
from training.presets import find_preset


def tiny(*hidden_sizes: int) -> RecurrentLanguageModel:
    return RecurrentLanguageModel(vocabulary_size=50, embedding_size=7, hidden_sizes=hidden_sizes)


def test_the_models_have_the_papers_sizes() -> None:
    dense, iss = UNTRAINED["score"].values()
    assert (dense.hidden_sizes, iss.hidden_sizes) == ((1500, 1500), (373, 315))
    assert isinstance(dense, RecurrentLanguageModel)
    assert dense.vocabulary_size == 10_000
    highways = list(UNTRAINED["score-rhn"].values())
    assert [width for each in highways for width in each.hidden_sizes] == [830, 726, 517, 403, 328]
    for each in highways:
        assert isinstance(each, RecurrentHighwayLanguageModel)
        assert (each.vocabulary_size, each.depth, each.tied) == (10_000, 10, True)
    dense, iss = UNTRAINED["answer"].values()
    assert dense.hidden_sizes == (100,) * 8
    assert iss.hidden_sizes == (100, 100, 51, 33, 42, 58, 37, 26)


def test_the_classifiers_have_the_sizes_of_the_preset() -> None:
    preset = find_preset("imdb-lstm-dense")
    assert isinstance(preset, ClassificationConfig)
    for architecture in UNTRAINED["classify"].values():
        assert architecture == preset.architecture(preset.vocabulary_limit)
    assert [each.hidden_sizes for each in UNTRAINED["classify-large"].values()] == [(1500,)] * 2


def test_of_two_classifiers_of_one_size_the_second_is_sparse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    architecture = ClassifierArchitecture(
        vocabulary_size=300, embedding_size=40, hidden_sizes=(50,), pooling="mean", label_count=2
    )
    models = {"tiny-dense-untrained": architecture, "tiny-set-untrained": architecture}
    monkeypatch.setitem(UNTRAINED, "classify", dict(models))

    cards = make_all_untrained(tmp_path, "classify")

    assert [(card.task, card.variant) for card in cards] == [
        ("classify", "dense"),
        ("classify", "set"),
    ]
    dense, sparse = (load(tmp_path / card.name) for card in cards)
    assert not dense.card.sparse_weights
    assert dense.card.provenance.command.endswith("FOLDER --task classify --seed 0")
    matrices = {name for name, each in sparse.weights.items() if each.ndim == 2}
    assert set(sparse.card.sparse_weights) == matrices - {"output.weight"}
    for name, count in sparse.card.sparse_weights.items():
        assert 0.02 < count / sparse.weights[name].size < 0.06
    assert sparse.bytes < 0.15 * dense.bytes
    assert dense.vocabulary.words[:3] == ("<pad>", "<unk>", "N")


def test_an_untrained_artifact_loads_and_says_what_it_is(tmp_path: Path) -> None:
    make_untrained(tmp_path, "tiny-untrained", tiny(6, 5), dense_hidden_sizes=(9, 9))

    artifact = load(tmp_path / "tiny-untrained")

    assert artifact.card.variant == "iss"
    assert artifact.card.architecture.hidden_sizes == (6, 5)
    assert artifact.card.metrics == {}
    assert "Untrained" in artifact.card.provenance.notes
    assert artifact.weights["decoder.weight"].shape == (50, 5)
    assert 0.03 < np.abs(artifact.weights["decoder.weight"]).max() <= 0.0401
    assert artifact.vocabulary.words[:3] == ("<eos>", "<unk>", "N")


def test_untrained_readers_share_their_word_vectors(tmp_path: Path) -> None:
    cards = make_all_untrained(tmp_path, "answer")

    dense, iss = (load(tmp_path / card.name) for card in cards)

    assert [card.variant for card in cards] == ["dense", "iss"]
    assert iss.card.dense_hidden_sizes == dense.card.architecture.hidden_sizes
    assert dense.card.word_vectors == iss.card.word_vectors
    assert len(list(tmp_path.glob("*.safetensors"))) == 1


def test_a_seed_fixes_the_weights(tmp_path: Path) -> None:
    make_untrained(tmp_path, "one", tiny(3), seed=1)
    make_untrained(tmp_path, "same", tiny(3), seed=1)
    make_untrained(tmp_path, "other", tiny(3), seed=2)

    one, same, other = (
        load(tmp_path / name).weights["decoder.weight"] for name in ("one", "same", "other")
    )

    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setitem(UNTRAINED, "score", {"tiny-untrained": tiny(2, 2)})

    assert main([str(tmp_path / "file")]) == 2
    assert "cannot write the artifact" in capsys.readouterr().err
