"""What the images install besides Python files."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PATTERNS = PROJECT["tool"]["setuptools"]["package-data"]


@pytest.mark.parametrize("room", ["issrnn", "training", "service", "loadtests"])
def test_the_page_and_the_texts_of_load_tests_are_package_data(room: str) -> None:
    packaged = {path for pattern in PATTERNS.get(room, []) for path in (ROOT / room).glob(pattern)}
    data = {
        path
        for path in (ROOT / room).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    }
    assert data <= packaged
