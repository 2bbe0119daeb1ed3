"""A place holds the former file or folder, or the new one, whatever happens meanwhile."""

import fcntl
import os
import sys
from pathlib import Path

import pytest

from issrnn import durable
from issrnn.durable import only_writer, whole_folder, write_file


def fill(folder: Path, text: str, *, full: bool = False) -> None:
    with only_writer(folder.parent), whole_folder(folder) as staging:
        (staging / "text").write_text(text)
        if full:
            raise OSError("the disk is full")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    fill(tmp_path / "a", "old")
    return tmp_path / "a"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not exchange folders")
def test_two_folders_are_exchanged_in_one_step(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("for a moment there is no such folder")

    monkeypatch.setattr(Path, "rename", fail)
    fill(folder, "new")
    assert (folder / "text").read_text() == "new"
    assert names(folder.parent) == ["a"]


def test_a_folder_is_replaced_also_where_none_can_be_exchanged(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durable, "_exchange", lambda *_: False)
    fill(folder, "new")
    assert (folder / "text").read_text() == "new"
    assert names(folder.parent) == ["a"]


def test_an_error_leaves_the_former_folder(folder: Path) -> None:
    with pytest.raises(OSError, match="the disk is full"):
        fill(folder, "ne", full=True)
    assert (folder / "text").read_text() == "old"
    assert names(folder.parent) == ["a"]


def test_the_next_save_repairs_what_a_killed_one_left(folder: Path) -> None:
    parent = folder.parent
    for name in ("b-c", ".a-0123abcd.partial", ".hidden", ".cache.partial"):
        (parent / name).mkdir()
        (parent / name / "text").write_text(name)
    (parent / ".v.safetensors-0123abcd.partial").write_text("half")
    (parent / "b-c").rename(parent / ".b-c-00000000.former")
    fill(folder, "new")
    assert names(parent) == [".cache.partial", ".hidden", "a", "b-c"]
    assert (parent / "b-c" / "text").read_text() == "b-c"
    (parent / ".a-00000000.former").mkdir()
    fill(folder, "newer")
    assert names(parent) == [".cache.partial", ".hidden", "a", "b-c"]


def test_one_process_writes_in_a_folder_at_a_time(tmp_path: Path) -> None:
    other = os.open(tmp_path, os.O_RDONLY)
    with only_writer(tmp_path), pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)


@pytest.mark.skipif(sys.platform != "linux", reason="names of open files are in /proc")
def test_all_is_on_the_disk_before_it_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    fsync, swap = os.fsync, durable._swap

    def note_fsync(descriptor: int) -> None:
        events.append(Path(f"/proc/self/fd/{descriptor}").readlink().name.partition("-")[0])
        fsync(descriptor)

    def note_swap(staging: Path, folder: Path) -> None:
        events.append("swap")
        swap(staging, folder)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(durable, "_swap", note_swap)
    fill(tmp_path / "a", "new")
    assert events == ["text", ".a", "swap", tmp_path.name.partition("-")[0]]
    events.clear()
    write_file(tmp_path / "f", b"new")
    assert events == [".f", tmp_path.name.partition("-")[0]]
