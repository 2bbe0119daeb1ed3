"""The rooms depend on each other in one direction only, and each declares what is public."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("issrnn", "training", "service", "loadtests", "deploy")
MAY_IMPORT = {
    "issrnn": {"issrnn"},
    "training": {"issrnn", "training"},
    "service": {"issrnn", "service"},
    "loadtests": {"loadtests"},
    "deploy": set(),
}
ARTIFACT_FORMAT = {
    "issrnn.artifact",
    "issrnn.architecture",
    "issrnn.invalid",
    "issrnn.vocabulary",
    "issrnn.word_vectors",
    "issrnn.reading",
}
"""What the service may import of the library, with all that stands in it; the engines that compute
with torch may import more."""

FILES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def imported_modules(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            names.add(node.module)
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_direction(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    ours = {name for name in imported_modules(path) if name.split(".")[0] in {*ROOMS, "tests"}}
    assert {name.split(".")[0] for name in ours} <= MAY_IMPORT[room]
    if room == "service" and path.name != "torch_engine.py":
        of_the_library = {name for name in ours if name.split(".")[0] == "issrnn"}
        assert {".".join(name.split(".")[:2]) for name in of_the_library} <= ARTIFACT_FORMAT


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_declares_what_is_public(path: Path) -> None:
    if path.name == "__main__.py":
        return
    assigned = {
        target.id
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert "__all__" in assigned, f"{path.relative_to(ROOT)} has no __all__"


def test_no_file_is_too_long_to_describe() -> None:
    too_long = [path for path in FILES if len(path.read_text().splitlines()) > 400]
    assert too_long == []
