"""How many cores there are, also in a container with a quota."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.cores import available_cores, cpu_quota


@pytest.mark.parametrize(
    ("text", "quota"),
    [("max 100000\n", None), ("150000 100000\n", 1.5), ("nonsense", None), ("1 0", None)],
)
def test_the_quota_is_read(tmp_path: Path, text: str, quota: float | None) -> None:
    path = tmp_path / "cpu.max"
    path.write_text(text)
    assert cpu_quota(path) == quota


def test_without_the_file_there_is_no_quota(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path / "absent") is None


def test_a_quota_limits_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.cores.cpu_quota", lambda: 0.5)
    assert len(available_cores()) == 1
