"""A small made-up corpus in the layout of the real one, and settings to train on it in a second."""

import os
import random
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from training.config import override
from training.language_modelling.config import StackedConfig
from training.presets import find_preset

NOUNS = ("cat", "dog", "bank", "share", "board", "market", "price", "<unk>")
VERBS = ("sees", "buys", "sells", "rates", "holds")
TINY = (
    "corpus=tiny",
    "embedding_size=12",
    "hidden_sizes=12,10",
    "batch_size=4",
    "bptt_steps=6",
    "epochs=2",
    "flat_epochs=1",
    "log_every=20",
    "shrink_every=20",
)
"""Overrides that make any preset small."""

TINY_ISS = (
    "lambda=0.015",
    "hidden_sizes=30,24",
    "embedding_size=20",
    "init_bound=0.2",
    "keep=0.9",
    "epochs=4",
    "flat_epochs=4",
    "shrink_every=10",
)
"""Overrides under which about half of all components die within a run."""


def tiny(preset: str = "ptb-lstm-small-dense", *more: str) -> StackedConfig:
    """A preset at toy size."""
    config = override(find_preset(preset), [*TINY, *more])
    assert isinstance(config, StackedConfig)
    return config


def set_options(*more: str) -> list[str]:
    """`TINY` and more as options of the command line."""
    return [part for setting in (*TINY, *more) for part in ("--set", setting)]


def run_command(preset: str, name: str, data: Path, runs: Path, *settings: str) -> list[str]:
    """``run`` on one thread, under a name of its own."""
    where = ["--data", str(data), "--runs", str(runs), "--threads", "1"]
    options = [part for setting in settings for part in ("--set", setting)]
    return ["run", preset, "--as", name, *where, *options]


def training_process(*arguments: str | Path) -> subprocess.Popen[str]:
    """``python -m training`` on one thread."""
    return subprocess.Popen(
        [sys.executable, "-m", "training", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def write_corpus(folder: Path, name: str = "tiny") -> Path:
    """Sentences of a small grammar, in three splits."""
    source = random.Random(0)
    (folder / name).mkdir(parents=True)
    for split, lines in (("train", 300), ("valid", 40), ("test", 40)):
        text = [
            " ".join(
                word
                for _ in range(source.randint(1, 2))
                for word in ("the", source.choice(NOUNS), source.choice(VERBS), "N", "shares")
            )
            for _ in range(lines)
        ]
        path = folder / name / f"{name}.{split}.txt"
        path.write_text("".join(f" {line} \n" for line in text), encoding="utf-8")
    return folder


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """Writing past ``size`` bytes fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("data"))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Restores what training sets for its process, and tests of other rooms do not expect."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)
