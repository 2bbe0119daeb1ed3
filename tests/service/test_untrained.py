from pathlib import Path

import numpy as np
import pytest

from issrnn.artifact import load
from service.untrained import MODELS, main, make_untrained


def test_the_models_have_the_papers_sizes_and_vocabulary() -> None:
    assert MODELS == {
        "ptb-lstm-large-dense-untrained": (1500, 1500),
        "ptb-lstm-large-iss-untrained": (373, 315),
    }


def test_an_untrained_artifact_loads_and_says_what_it_is(tmp_path: Path) -> None:
    make_untrained(tmp_path, "tiny-untrained", (6, 5), vocabulary_size=50, embedding_size=7)

    artifact = load(tmp_path / "tiny-untrained")

    assert artifact.card.variant == "iss"
    assert artifact.card.architecture.hidden_sizes == (6, 5)
    assert artifact.card.metrics == {}
    assert "Untrained" in artifact.card.provenance.notes
    assert artifact.weights["decoder.weight"].shape == (50, 5)
    assert 0.03 < np.abs(artifact.weights["decoder.weight"]).max() <= 0.0401
    assert artifact.vocabulary.words[:3] == ("<eos>", "<unk>", "N")


def test_a_seed_fixes_the_weights(tmp_path: Path) -> None:
    sizes = {"vocabulary_size": 20, "embedding_size": 4}
    make_untrained(tmp_path, "one", (3,), **sizes, seed=1)
    make_untrained(tmp_path, "same", (3,), **sizes, seed=1)
    make_untrained(tmp_path, "other", (3,), **sizes, seed=2)

    one, same, other = (
        load(tmp_path / name).weights["decoder.weight"] for name in ("one", "same", "other")
    )

    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("service.untrained.MODELS", {"tiny-untrained": (2, 2)})
    monkeypatch.setattr("service.untrained.VOCABULARY_SIZE", 20)

    assert main([str(tmp_path / "file")]) == 2
    assert "cannot write the artifact" in capsys.readouterr().err
