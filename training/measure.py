"""Figures for cards and records: plain fp32 network, one stream, state carried over the split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from tqdm import tqdm

from issrnn.architecture import RecurrentLanguageModel
from issrnn.networks import LanguageModel
from training.errors import Interrupted
from training.evaluation import perplexity
from training.progress import progress_bar
from training.stopping import StopRequest

__all__ = ["measure_splits", "plain_network"]

_STOPPED = "stopped while measuring; training is complete and saved: the same command goes on"


def plain_network(document: Mapping[str, Any]) -> LanguageModel:
    """The network of a checkpoint or of best weights, made of torch's own layers.

    Raises:
        RuntimeError: If weights and architecture disagree.
    """
    model = LanguageModel(RecurrentLanguageModel.model_validate(document["architecture"]))
    model.load_state_dict(dict(document["weights"]))
    return model.eval()


def measure_splits(
    model: LanguageModel,
    splits: Mapping[str, Tensor],
    end: int,
    stop: StopRequest | None = None,
) -> dict[str, float]:
    """``{"valid_perplexity": ..., "test_perplexity": ...}`` with a progress bar.

    Args:
        model: Computed as it is.
        splits: Words of each split by its name.
        end: Id of ``<eos>``.
        stop: Looked at while measuring.

    Raises:
        Interrupted: If it was asked to stop.
    """
    metrics = {}
    for name, words in splits.items():
        with progress_bar(f"{name} perplexity", len(words), "word") as bar:

            def show(done: int, total: int, bar: tqdm[Any] = bar, count: int = len(words)) -> None:
                bar.update(count * done // total - bar.n)
                if stop is not None and stop.signal_number is not None:
                    raise Interrupted(stop.signal_number, _STOPPED)

            metrics[f"{name}_perplexity"] = perplexity(model, words, end, between=show)
    return metrics
