"""Files are whole or as they were, on a full disk too."""

from pathlib import Path

import pytest
import torch

from issrnn.artifact import ArtifactError
from tests.artifacts import make_artifact
from tests.training.conftest import files_limited_to
from training.checkpoint import load_document, save_document
from training.errors import RunError
from training.files import remove_leftovers, write_json, write_whole
from training.journal import Journal
from training.run_folder import RunFolder


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    write_json(path, {"kept": True})
    with files_limited_to(1000), pytest.raises(RunError, match=r"cannot write .*: File too large"):
        write_whole(path, lambda file: file.write(b"x" * 5000))
    assert '"kept": true' in path.read_text()
    assert list(tmp_path.iterdir()) == [path]


def test_a_checkpoint_survives_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    save_document(path, {"weights": torch.ones(3)})
    with files_limited_to(20_000), pytest.raises(RunError, match=r"cannot write .*checkpoint\.pt"):
        save_document(path, {"weights": torch.ones(100_000)})
    assert load_document(path)["weights"].equal(torch.ones(3))
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_told_in_one_line_when_the_log_meets_it_first(tmp_path: Path) -> None:
    columns = ["step", "note"]
    with (
        files_limited_to(2000),
        pytest.raises(RunError, match="cannot write the log: File too large"),
        Journal(RunFolder(tmp_path), columns, [], done_steps=0, total_steps=9) as journal,
    ):
        journal.row({"step": 1, "note": "x" * 5000})


def _write_much(journal: Journal) -> None:
    journal.log("x" * 5000)
    for step in range(200):  # more than TensorBoard's file holds
        journal.row({"step": step, "loss": 1.0})


def test_a_full_disk_prints_no_traceback_beside_its_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with (
        files_limited_to(2000),
        pytest.raises(RunError, match="cannot write the log: File too large"),
        Journal(RunFolder(tmp_path), ["step", "loss"], [], done_steps=0, total_steps=9) as journal,
    ):
        _write_much(journal)
    errors = capfd.readouterr().err
    assert "Traceback" not in errors
    assert "Logging error" not in errors


def test_an_artifact_that_does_not_fit_the_disk_is_not_there(tmp_path: Path) -> None:
    with files_limited_to(1000), pytest.raises(ArtifactError, match="cannot write the artifact"):
        make_artifact(tmp_path / "tiny")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_cleared(tmp_path: Path) -> None:
    def die(_: object) -> None:
        (tmp_path / ".run.pt-12ab.partial").touch()

    write_whole(tmp_path / "other", die)
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04" + b"\0" * 300])
def test_a_damaged_checkpoint_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(content)
    with pytest.raises(RunError, match=r"checkpoint\.pt is damaged"):
        load_document(path)


def test_a_truncated_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    save_document(path, {"weights": torch.ones(1000)})
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(RunError, match="is damaged"):
        load_document(path)


def test_a_checkpoint_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    torch.save({"format_version": 99}, path)
    with pytest.raises(RunError, match="format version 99; this release reads 1"):
        load_document(path)


def test_a_checkpoint_runs_no_code(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    torch.save({"format_version": 1, "evil": Path}, path)
    with pytest.raises(RunError, match="is damaged"):
        load_document(path)
