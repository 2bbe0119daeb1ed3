"""Prints what each image would weigh, computed from its parts; needs no container engine.

``python deploy/image_size.py`` (all of them take minutes; name some to have only those)

For every ``deploy/Dockerfile.*`` it runs that file's ``pip install`` in a fresh virtual
environment, on a copy of the same sources, and measures what lies there afterwards; added are the
files that the last stage copies in, and the base image, whose size is not measured but given
(`BASE_MEGABYTES`). Debian packages that a Dockerfile installs (`wget` for Ray) are left out. All
sizes are unpacked, as on a node's disk; what goes over the network is compressed.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Recipe", "Weight", "largest_packages", "main", "read_recipe", "table", "weigh"]

ROOT = Path(__file__).parents[1]
MEGABYTE = 1_000_000
BASE_MEGABYTES = 130
"""python:3.11-slim-bookworm for amd64, unpacked: taken on trust, rounded; see ``docker images``."""


@dataclass(frozen=True)
class Recipe:
    """What a Dockerfile says of its parts."""

    name: str
    parent: str | None
    """The image of ours that it starts from."""
    sources: tuple[str, ...]
    """What its first stage copies, so that pip can install it."""
    installs: tuple[tuple[str, ...], ...]
    """Arguments of each ``pip install``."""
    copies: tuple[str, ...]
    """What its last stage copies, in addition."""


@dataclass(frozen=True)
class Weight:
    """Bytes of an image's parts."""

    name: str
    packages: int
    files: int
    largest: tuple[tuple[str, int], ...]
    """Packages, the heaviest first."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    known = sorted(path.suffix[1:] for path in (ROOT / "deploy").glob("Dockerfile.*"))
    parser.add_argument("images", nargs="*", help=f"of {', '.join(known)} (default: all)")
    parser.add_argument("--base-megabytes", type=float, default=BASE_MEGABYTES)
    options = parser.parse_args(arguments)
    if unknown := set(options.images) - set(known):
        parser.error(f"there is no deploy/Dockerfile.{unknown.pop()}")
    weights = []
    for name in options.images or known:
        sys.stderr.write(f"installing what the image {name} holds\n")
        try:
            weights.append(weigh(name))
        except subprocess.CalledProcessError as error:
            sys.stderr.write(f"{name}: {error.stderr.strip()[-2000:]}\n")
    sys.stdout.write(table(weights, options.base_megabytes))
    return 0 if len(weights) == len(options.images or known) else 1


def read_recipe(name: str, text: str) -> Recipe:
    """Read a Dockerfile.

    Args:
        name: Its suffix.
        text: Its content.
    """
    for argument, default in re.findall(r"^ARG (\w+)=(\S+)$", text, re.MULTILINE):
        text = text.replace(f"${{{argument}}}", default)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    starts = [index for index, line in enumerate(lines) if line.startswith("FROM ")]
    first, last = lines[: [*starts, len(lines)][1]], lines[starts[-1] :]
    parent = re.match(r"FROM issrnn-(\w+)", lines[starts[0]])
    pip = [
        tuple(shlex.split(command.removeprefix("pip install")))
        for line in lines
        for command in re.findall(r"pip install[^&]+", line)
    ]
    return Recipe(
        name=name,
        parent=parent[1] if parent else None,
        sources=tuple(_copied(first)),
        installs=tuple(pip),
        copies=tuple(_copied(last)) if len(starts) > 1 else (),
    )


def weigh(name: str) -> Weight:
    """Install what an image holds into a temporary folder and measure it.

    Raises:
        subprocess.CalledProcessError: If pip cannot install it here.
    """
    recipes = _with_parents(name)
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder) / "venv"
        venv.create(environment, with_pip=True)
        for recipe in recipes:
            sources = Path(folder) / recipe.name
            sources.mkdir()
            for source in recipe.sources:
                _copy(ROOT / source, sources / Path(source).name)
            for install in recipe.installs:
                # a Dockerfile's absolute path of a copied file, such as /tmp/constraints.txt
                local = [Path(part).name if part.startswith("/") else part for part in install]
                subprocess.run(  # noqa: S603 - the project's own Dockerfiles
                    [str(environment / "bin" / "pip"), "install", *local],
                    cwd=sources, check=True, capture_output=True, text=True,
                )  # fmt: skip
        return Weight(
            name=name,
            packages=_size(environment),
            files=sum(_size(ROOT / copy) for recipe in recipes for copy in recipe.copies),
            largest=tuple(largest_packages(environment)),
        )


def largest_packages(environment: Path, count: int = 5) -> list[tuple[str, int]]:
    """The heaviest packages of a virtual environment, with their bytes."""
    (site,) = environment.glob("lib/python*/site-packages")
    sizes = {
        distribution.metadata["Name"]: sum(
            Path(str(distribution.locate_file(file))).stat().st_size
            for file in distribution.files or ()
            if Path(str(distribution.locate_file(file))).is_file()
        )
        for distribution in importlib.metadata.distributions(path=[str(site)])
    }
    return sorted(sizes.items(), key=lambda item: -item[1])[:count]


def table(weights: Iterable[Weight], base_megabytes: float) -> str:
    """A Markdown table of megabytes."""
    rows = [
        "| image | base, given | Python packages | models, files | sum, MB | heaviest packages |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for weight in weights:
        packages, files = weight.packages / MEGABYTE, weight.files / MEGABYTE
        largest = ", ".join(f"{name} {size / MEGABYTE:.0f}" for name, size in weight.largest)
        total = base_megabytes + packages + files
        rows.append(
            f"| {weight.name} | {base_megabytes:.0f} | {packages:.0f} | {files:.0f} | {total:.0f}"
            f" | {largest} |"
        )
    return "\n".join(rows) + "\n"


def _with_parents(name: str) -> list[Recipe]:
    """An image's recipe after those that it builds on."""
    path = ROOT / "deploy" / f"Dockerfile.{name}"
    recipe = read_recipe(name, path.read_text(encoding="utf-8"))
    return [*(_with_parents(recipe.parent) if recipe.parent else []), recipe]


def _copied(lines: Iterable[str]) -> list[str]:
    copies = [line.split()[1:-1] for line in lines if re.match(r"COPY (?!--)", line)]
    return [source for copy in copies for source in copy]


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def _size(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file() and not file.is_symlink())


if __name__ == "__main__":
    sys.exit(main())
