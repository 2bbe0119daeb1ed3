"""The examples in docs/examples run, and docs/groups.md shows what they print."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = sorted((DOCS / "examples").glob("*.py"))
SHOWN = re.findall(
    r"^```sh\n\.venv/bin/python (docs/examples/\w+\.py)\n```\n+```text\n(.*?)^```$",
    (DOCS / "groups.md").read_text(encoding="utf-8"),
    re.S | re.M,
)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_gets_smaller(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(path), run_name="__main__")
    printed = capsys.readouterr().out
    assert printed.startswith("owner ")
    assert "refused" not in printed
    ratios = re.findall(r"^(?:units|parameters|multiply-adds).* ([\d.]+)x$", printed, re.M)
    assert len(ratios) >= 3
    assert all(float(ratio) > 1 for ratio in ratios)


def test_the_code_in_the_guide_runs() -> None:
    text = (DOCS / "groups.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", text, re.S | re.M):
        exec(block, names)  # noqa: S102  the guide's own code


def test_the_guide_shows_an_example() -> None:
    assert len(EXAMPLES) == 5
    assert SHOWN


@pytest.mark.parametrize(("path", "shown"), SHOWN, ids=lambda value: Path(value).stem[:20])
def test_the_guide_shows_what_is_printed(
    path: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    runpy.run_path(str(DOCS.parent / path), run_name="__main__")
    assert shown in capsys.readouterr().out
