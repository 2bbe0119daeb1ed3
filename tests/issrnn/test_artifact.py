"""An artifact is written whole or not at all, and a bad one is refused with a clear error."""

import hashlib
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from issrnn import artifact, number_storage
from issrnn.architecture import RecurrentLanguageModel
from issrnn.artifact import ArtifactError, Card
from issrnn.vocabulary import END, UNKNOWN, Vocabulary
from tests import artifacts

ARCHITECTURE = RecurrentLanguageModel(vocabulary_size=6, embedding_size=3, hidden_sizes=(4, 2))
VOCABULARY = Vocabulary((END, UNKNOWN, "the", "cat", "naïve", "日本"))


def make_card(weights_dtype: str = "float32") -> Card:
    card = artifacts.make_card("tiny-iss", variant="iss", metrics={"test_perplexity": 5.5})
    return card.model_copy(update={"architecture": ARCHITECTURE, "weights_dtype": weights_dtype})


def make_weights() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {
        name: generator.normal(size=shape).astype(np.float32)
        for name, shape in ARCHITECTURE.shapes().items()
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    artifact.save(tmp_path / "tiny-iss", make_card(), make_weights(), VOCABULARY)
    return tmp_path / "tiny-iss"


def test_what_was_saved_is_loaded(folder: Path) -> None:
    loaded = artifact.load(folder)
    for name, weight in make_weights().items():
        np.testing.assert_array_equal(loaded.weights[name], weight)
    assert loaded.vocabulary == VOCABULARY
    assert loaded.card.metrics == {"test_perplexity": 5.5}
    assert loaded.parameters == 6 * 3 + 16 * 3 + 16 * 4 + 32 + 8 * 4 + 8 * 2 + 16 + 6 * 2 + 6
    assert sorted(path.name for path in folder.parent.iterdir()) == ["tiny-iss"]


def test_fp16_weights_are_computed_with_in_fp32(tmp_path: Path) -> None:
    artifact.save(tmp_path / "a", make_card("float16"), make_weights(), VOCABULARY)
    loaded = artifact.load(tmp_path / "a")
    for name, weight in make_weights().items():
        assert loaded.weights[name].dtype == np.float32
        np.testing.assert_array_equal(loaded.weights[name], weight.astype(np.float16))


def test_int8_weights_take_a_byte_each_also_those_of_a_sparse_matrix(tmp_path: Path) -> None:
    weights = make_weights()
    weights["embedding.weight"] *= np.eye(6, 3, dtype=np.float32)
    artifact.save(tmp_path / "a", make_card("int8"), weights, VOCABULARY)
    loaded = artifact.load(tmp_path / "a")
    assert loaded.card.sparse_weights == {"embedding.weight": 3}
    for name, weight in weights.items():
        assert loaded.weights[name].dtype == np.float32
        np.testing.assert_allclose(loaded.weights[name], weight, atol=0.005 * abs(weight).max())
    card = artifact.save(tmp_path / "b", make_card("int8"), loaded.weights, VOCABULARY)
    assert card.sha256 == loaded.card.sha256


def test_a_service_of_another_user_can_read_it(folder: Path) -> None:
    assert all(path.stat().st_mode & 0o777 == 0o644 for path in folder.iterdir())
    assert folder.stat().st_mode & 0o777 == 0o755


def test_saving_again_replaces_the_former_artifact(folder: Path) -> None:
    weights = make_weights() | {"decoder.bias": np.ones(6, np.float32)}
    artifact.save(folder, make_card(), weights, VOCABULARY)
    assert artifact.load(folder).weights["decoder.bias"].tolist() == [1.0] * 6
    assert sorted(path.name for path in folder.parent.iterdir()) == ["tiny-iss"]


def test_a_failed_save_leaves_the_former_artifact(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disk_full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.numpy.save_file", disk_full)
    with pytest.raises(ArtifactError, match="No space left"):
        artifact.save(folder, make_card(), make_weights(), VOCABULARY)
    artifact.load(folder)
    assert sorted(path.name for path in folder.parent.iterdir()) == ["tiny-iss"]


OTHER_WORDS = Vocabulary((END, UNKNOWN, *"abcd"))


def replace_artifact(folder: Path) -> None:
    """By one with other words and other weights."""
    weights = {name: weight + 1 for name, weight in make_weights().items()}
    artifact.save(folder, make_card(), weights, OTHER_WORDS)


def test_what_was_verified_is_what_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def replace_and_decode(stored: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        replace_artifact(folder)
        return number_storage.decode(stored)

    monkeypatch.setattr(artifact, "decode", replace_and_decode)
    loaded = artifact.load(folder)
    assert loaded.vocabulary == VOCABULARY
    np.testing.assert_array_equal(loaded.weights["decoder.bias"], make_weights()["decoder.bias"])


def test_one_that_takes_its_place_meanwhile_is_read_instead(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_card = artifact.read_card

    def read_card_and_replace(folder: Path) -> Card:
        card = read_card(folder)
        monkeypatch.setattr(artifact, "read_card", read_card)
        replace_artifact(folder)
        return card

    monkeypatch.setattr(artifact, "read_card", read_card_and_replace)
    loaded = artifact.load(folder)
    assert loaded.vocabulary == OTHER_WORDS
    np.testing.assert_array_equal(
        loaded.weights["decoder.bias"], make_weights()["decoder.bias"] + 1
    )


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "tokenizer_config.json"])
def test_a_damaged_file_is_named(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[-2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ArtifactError, match=f"{name} is damaged"):
        artifact.load(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ArtifactError, match=f"cannot read .*{name}"):
        artifact.load(folder)


def sign(folder: Path) -> None:
    """Let the card tell of the files as they are now."""
    files = artifact.read_card(folder).sha256
    sha256 = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files}
    edit_card(folder, sha256=sha256)


def test_what_another_program_wrote_is_refused_in_words(folder: Path) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["the"] = None
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    sign(folder)
    with pytest.raises(ArtifactError, match="ids are not 0 to 5, each once"):
        artifact.load(folder)


def test_numbers_of_another_type_are_named(folder: Path) -> None:
    weights = {name: torch.tensor(array).bfloat16() for name, array in make_weights().items()}
    safetensors.torch.save_file(weights, folder / "model.safetensors")
    sign(folder)
    with pytest.raises(ArtifactError, match=r"model\.safetensors holds numbers of type 'BF16'"):
        artifact.load(folder)


def edit_card(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_another_format_version_is_refused(folder: Path) -> None:
    edit_card(folder, format_version=2)
    with pytest.raises(ArtifactError, match="format version 2; this release reads 1"):
        artifact.load(folder)


def test_a_wrong_field_is_named(folder: Path) -> None:
    edit_card(folder, task="dance")
    with pytest.raises(ArtifactError, match=r"config\.json: task: .*'score'"):
        artifact.load(folder)


def test_a_metric_is_a_number(folder: Path) -> None:
    edit_card(folder, metrics={"test_perplexity": math.nan})
    with pytest.raises(ArtifactError, match=r"config\.json: metrics\.test_perplexity: .*finite"):
        artifact.load(folder)


def test_a_card_that_is_a_list_is_refused(folder: Path) -> None:
    (folder / "config.json").write_text("[]")
    with pytest.raises(ArtifactError, match=r"config\.json is no JSON object"):
        artifact.load(folder)


def test_a_card_that_names_files_outside_its_folder_is_refused(folder: Path) -> None:
    checksums = artifact.read_card(folder).sha256
    edit_card(folder, sha256=checksums | {"../secret": "0" * 64})
    with pytest.raises(ArtifactError, match="outside its folder"):
        artifact.load(folder)


def test_weights_must_have_the_architectures_shapes(folder: Path) -> None:
    edit_card(folder, architecture=ARCHITECTURE.model_dump() | {"hidden_sizes": [4, 3]})
    with pytest.raises(ArtifactError, match=r"weight_ih_l0 is \(8, 4\), should be \(12, 4\)"):
        artifact.load(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"decoder.bias": np.zeros(5, np.float32)}, r"decoder.bias is \(5,\), should be \(6,\)"),
        ({"decoder.bias": np.full(6, np.nan, np.float32)}, "decoder.bias holds values"),
        ({"spare": np.zeros(1, np.float32)}, "does not: spare"),
    ],
)
def test_bad_weights_are_not_written(
    tmp_path: Path, change: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(ArtifactError, match=message):
        artifact.save(tmp_path / "a", make_card(), make_weights() | change, VOCABULARY)
    assert not (tmp_path / "a").exists()


def test_a_weight_too_large_for_fp16_is_not_written(tmp_path: Path) -> None:
    weights = make_weights() | {"decoder.bias": np.full(6, 1e6, np.float32)}
    with (
        pytest.raises(ArtifactError, match="not finite as float16"),
        np.errstate(over="ignore"),
    ):
        artifact.save(tmp_path / "a", make_card("float16"), weights, VOCABULARY)


def test_reading_an_artifact_needs_no_torch(folder: Path) -> None:
    code = (
        "import sys, pathlib, issrnn.artifact as a; a.load(pathlib.Path(sys.argv[1]));"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True)


def test_a_sparse_matrix_is_stored_as_its_weights(tmp_path: Path) -> None:
    dense = artifacts.make_classifier(tmp_path / "dense", hidden_sizes=(40,))
    sparse = artifacts.make_classifier(
        tmp_path / "set", hidden_sizes=(40,), variant="set", density=0.05
    )
    assert dense.card.sparse_weights == {}
    assert set(sparse.card.sparse_weights) == {
        *("embedding.weight", "layers.0.weight_ih_l0", "layers.0.weight_hh_l0")
    }
    for name, count in sparse.card.sparse_weights.items():
        assert count == np.count_nonzero(sparse.weights[name])
        assert sparse.weights[name].shape == dense.weights[name].shape
        assert sparse.weights[name].dtype == np.float32
    others = sum(w.size for n, w in dense.weights.items() if n not in sparse.card.sparse_weights)
    assert sparse.parameters == sum(sparse.card.sparse_weights.values()) + others
    assert sparse.bytes < dense.bytes / 4


def test_sparse_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    card = artifacts.make_classifier(tmp_path / "set", density=0.1).card
    counts = card.sparse_weights
    edit_card(tmp_path / "set", sparse_weights=counts | {"embedding.weight": 1})
    with pytest.raises(ArtifactError, match=r"embedding\.weight has \d+ weights, should have 1"):
        artifact.load(tmp_path / "set")
    edit_card(tmp_path / "set", sparse_weights={})
    with pytest.raises(ArtifactError, match=r"lacks the weight embedding\.weight"):
        artifact.load(tmp_path / "set")
    smaller = card.architecture.model_dump() | {"vocabulary_size": 20}
    edit_card(tmp_path / "set", sparse_weights=counts, architecture=smaller)
    with pytest.raises(ArtifactError, match=r"embedding\.weight is no sparse matrix: .* of 140"):
        artifact.load(tmp_path / "set")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "labels must be given for a classify"),
        (["good", "bad"], "labels must be 3 different names"),
        (["good", "good", "bad"], "labels must be 3 different names"),
        (["good", "bad", ""], "labels must be 3 different names"),
    ],
)
def test_labels_name_every_output(tmp_path: Path, labels: list[str] | None, message: str) -> None:
    assert artifacts.make_classifier(tmp_path / "a").card.labels == artifacts.LABELS
    edit_card(tmp_path / "a", labels=labels)
    with pytest.raises(ArtifactError, match=message):
        artifact.load(tmp_path / "a")


def test_filters_wider_than_a_word_are_refused(tmp_path: Path) -> None:
    architecture = artifacts.make_reader(tmp_path / "a").card.architecture.model_dump()
    edit_card(tmp_path / "a", architecture=architecture | {"word_length": 3})
    with pytest.raises(ArtifactError, match="word_length 3 is below filter_width 5"):
        artifact.load(tmp_path / "a")


def test_a_kind_of_network_does_one_task(folder: Path) -> None:
    edit_card(folder, task="classify", labels=["good", "bad"])
    with pytest.raises(ArtifactError, match="a recurrent_lm does not do the task classify"):
        artifact.load(folder)


def test_the_shipped_artifacts_still_load() -> None:
    for path in sorted((Path(__file__).parents[2] / "models").glob("*/config.json")):
        card = artifact.load(path.parent).card
        if card.variant == "set":
            assert "embedding.weight" in card.sparse_weights
        elif card.variant == "dense":
            assert card.sparse_weights == {}


def test_a_vocabulary_knows_unknown_words_and_refuses_repeats() -> None:
    assert VOCABULARY.encode(["the", "dog", END]) == [2, 1, 0]
    with pytest.raises(ValueError, match="'the' occurs twice"):
        Vocabulary((END, UNKNOWN, "the", "the"))
    with pytest.raises(ValueError, match="no <unk>"):
        Vocabulary((END, "the"))


def test_the_paper_sizes_give_its_multiply_adds_ratio() -> None:
    """Table 1: a reduction of 7.48 times from 1500/1500 to 373/315."""
    dense, small = (
        RecurrentLanguageModel(vocabulary_size=10_000, embedding_size=1500, hidden_sizes=sizes)
        for sizes in ((1500, 1500), (373, 315))
    )
    ratio = dense.multiply_adds_per_token() / small.multiply_adds_per_token()
    assert ratio == pytest.approx(7.48, abs=0.01)
