"""SQuAD: read in every official form, verified, or refused with the place of the mistake."""

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.training.downloads import fake_download
from tests.training.question_answering.small_squad import DEV, TRAIN, document, write_squad
from training.errors import DataError
from training.question_answering import squad
from training.question_answering.squad import SQUAD_URL, fetch_squad, load_squad


def test_texts_questions_and_answers_are_read(tmp_path: Path) -> None:
    loaded = load_squad(write_squad(tmp_path), "train")
    assert [paragraph.context for paragraph in loaded.paragraphs] == list(TRAIN)
    question = loaded.paragraphs[0].qas[2]
    assert (question.id, question.question) == ("0-2", "When did the new one open?")
    assert [answer.text for answer in question.answers] == ["1860", "in 1860"]


def test_compressed_and_flat_files_are_the_same(tmp_path: Path) -> None:
    plain = load_squad(write_squad(tmp_path / "plain"), "dev")
    compressed = load_squad(write_squad(tmp_path / "gz", compressed=True), "dev")
    assert compressed == plain == load_squad(tmp_path / "gz" / "squad", "dev")


def test_a_missing_file_says_where_to_point(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"squad/dev-v1\.1\.json .*--data.*training fetch"):
        load_squad(tmp_path, "dev")


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"{}" * 999, mtime=0)[:-9]])
def test_a_damaged_archive_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "dev-v1.1.json.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"dev-v1\.1\.json\.gz is damaged"):
        load_squad(tmp_path, "dev")


def edited(**changes: Any) -> str:
    """The dev split with its first question changed; None takes a field away."""
    whole = document(DEV)
    question = whole["data"][0]["paragraphs"][0]["qas"][0] | changes
    whole["data"][0]["paragraphs"][0]["qas"][0] = {
        field: value for field, value in question.items() if value is not None
    }
    return json.dumps(whole)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not in the layout of SQuAD 1.1: Invalid JSON"),
        ('{"data": []}', "layout of SQuAD 1.1: data: "),
        (edited(question=None), r"data\.0\.paragraphs\.0\.qas\.0\.question: .*[Rr]equired"),
        (edited(answers=[]), r"qas\.0\.answers: .*at least 1"),
        (edited(answers=[{"text": "", "answer_start": 0}]), r"answers\.0\.text: .*at least 1"),
        (
            edited(answers=[{"text": "oak", "answer_start": 3}]),
            "question 0-0: the answer 'oak' does not stand at answer_start 3",
        ),
    ],
)
def test_another_layout_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "dev-v1.1.json").write_text(content)
    with pytest.raises(DataError, match=rf"dev-v1\.1\.json: .*{message}"):
        load_squad(tmp_path, "dev")


def test_fetching_verifies_keeps_and_completes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = {"train": document(TRAIN), "dev": document(DEV)}
    encoded = {split: json.dumps(content).encode() for split, content in contents.items()}
    sums = {split: hashlib.sha256(content).hexdigest() for split, content in encoded.items()}
    monkeypatch.setattr(squad, "SQUAD_SHA256", sums)
    files = {f"{SQUAD_URL}/{split}-v1.1.json": content for split, content in encoded.items()}
    dev_url = f"{SQUAD_URL}/dev-v1.1.json"
    fake_download(monkeypatch, {url: c for url, c in files.items() if url != dev_url})
    with pytest.raises(DataError, match=r"cannot fetch .*dev-v1\.1\.json: .*no route"):
        fetch_squad(tmp_path)
    assert [f.name for f in (tmp_path / "squad").iterdir()] == ["train-v1.1.json"]
    asked = fake_download(monkeypatch, files)
    assert fetch_squad(tmp_path) == tmp_path / "squad"
    assert asked == [dev_url]
    assert len(load_squad(tmp_path, "dev").paragraphs) == 1


def test_a_wrong_download_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_download(monkeypatch, {f"{SQUAD_URL}/train-v1.1.json": b"<html>moved</html>"})
    with pytest.raises(DataError, match="nothing was written"):
        fetch_squad(tmp_path)
    assert not list(tmp_path.rglob("*"))
