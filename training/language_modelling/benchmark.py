"""Time of a training step: torch's LSTM, the fast one, bf16, group lasso, thresholding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from issrnn.vocabulary import END, UNKNOWN, Vocabulary
from training.language_modelling.config import StackedConfig
from training.language_modelling.corpus import Corpus
from training.language_modelling.experiment import LanguageModelling
from training.session import Session, start
from training.step import train_step
from training.tables.markdown import markdown_table
from training.timing import Times, time_in_turn

__all__ = ["STEPS", "StepWorkload", "table", "time_steps"]


@dataclass(frozen=True, kw_only=True)
class StepWorkload:
    """One mini-batch of a two-layer LSTM language model."""

    hidden_size: int = 1500
    """Units of each layer, and length of a word vector."""
    vocabulary_size: int = 10_000
    batch_size: int = 20
    bptt_steps: int = 35
    rounds: int = 10
    """Times each variant is measured, in turn with the others."""


_LASSO = {"variant": "iss", "lambda": 0.002}
STEPS: dict[str, dict[str, Any]] = {
    "nn.LSTM, fp32": {"recurrent": "torch", "precision": "fp32"},
    "FastLSTM, fp32": {"recurrent": "fast", "precision": "fp32"},
    "FastLSTM, bf16": {"recurrent": "fast", "precision": "bf16"},
    "... + group lasso": {"recurrent": "fast", "precision": "bf16", **_LASSO},
    "... + group lasso + thresholding": {
        "recurrent": "fast",
        "precision": "bf16",
        **_LASSO,
        "tau": 1e-4,
    },
}
"""What is timed, by what differs in the config."""


def time_steps(workload: StepWorkload, between: Callable[[], object] | None = None) -> list[Times]:
    """Time whole training steps: forward, backward, clip, update, regularisation.

    Learning rate 0 keeps the weights, and so the work, the same; the group lasso then
    cuts by nothing, at full cost.

    Args:
        workload: Sizes.
        between: Called after each measurement.
    """
    sessions = {name: _session(workload, settings) for name, settings in STEPS.items()}
    calls = {
        name: partial(train_step, session, 0, learning_rate=0.0)
        for name, session in sessions.items()
    }
    return time_in_turn(calls, workload.rounds, between)


def table(times: Sequence[Times]) -> str:
    """Markdown: medians, ranges, and ratios to torch's LSTM and to the plain bf16 step."""
    reference, plain = times[0].median, times[2].median
    columns = ("step", "median ms", "range ms", "speed-up over nn.LSTM", "time over FastLSTM, bf16")
    rows = [
        (
            measured.name,
            f"{measured.median:.0f}",
            f"{min(measured.milliseconds):.0f} to {max(measured.milliseconds):.0f}",
            f"{reference / measured.median:.2f}x",
            f"{measured.median / plain - 1:+.1%}",
        )
        for measured in times
    ]
    return markdown_table(columns, rows)


def _session(workload: StepWorkload, settings: dict[str, Any]) -> Session:
    document = {
        "preset": "benchmark",
        "variant": "dense",
        "embedding_size": workload.hidden_size,
        "hidden_sizes": (workload.hidden_size,) * 2,
        "keep": 0.6,
        "init_bound": 0.04,
        "epochs": 1,
        "flat_epochs": 1,
        "decay": 0.5,
        "clip": 5.0,
        "batch_size": workload.batch_size,
        "bptt_steps": workload.bptt_steps,
        **settings,
    }
    experiment = LanguageModelling(StackedConfig.model_validate(document), _corpus(workload))
    return start(experiment, torch.device("cpu"))


def _corpus(workload: StepWorkload) -> Corpus:
    """Random words for a single mini-batch."""
    names = (END, UNKNOWN, *(f"word{number}" for number in range(workload.vocabulary_size - 2)))
    count = workload.bptt_steps * workload.batch_size + 1
    words = torch.randint(workload.vocabulary_size, (count,))
    return Corpus(Vocabulary(names), train=words, valid=words, test=words, sha256={})
