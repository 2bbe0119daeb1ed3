"""The language model as it is trained: which layers compute it, and its loss."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear

from issrnn.architecture import RecurrentLanguageModel
from issrnn.networks import LanguageModel, State
from training.fast_dropout import FastDropout
from training.fast_lstm import FastLSTM, Precision
from training.language_modelling.config import LanguageModelConfig
from training.language_modelling.streams import IGNORED

__all__ = ["build_network", "detach_state", "sequence_loss"]


def build_network(
    config: LanguageModelConfig, architecture: RecurrentLanguageModel
) -> LanguageModel:
    """The network a resolved config trains, with its initial weights.

    Args:
        config: Without ``auto``; see `training.run.resolve`.
        architecture: Sizes now, which live shrinking makes smaller than the config's.
    """
    precision = config.product_precision
    recurrent: Callable[[int, int], nn.RNNBase] | None = None
    if config.recurrent == "fast":

        def recurrent(inputs: int, hidden: int) -> FastLSTM:
            return FastLSTM(inputs, hidden, precision=precision)

    model = LanguageModel(architecture, recurrent=recurrent)
    model.dropout = FastDropout(1.0 - config.keep)
    # Only the words of a mini-batch have a gradient: a dense one would be mostly zeros, and
    # clearing, measuring and applying it took a seventh of a step of a shrunk model. Momentum moves
    # every word at every step, so it needs the dense one.
    model.embedding.sparse = config.momentum == 0
    model.initialise_uniform_(config.init_bound)
    return model


def sequence_loss(
    model: LanguageModel,
    inputs: Tensor,
    targets: Tensor,
    state: State | None,
    precision: Precision,
) -> tuple[Tensor, State]:
    """Negative log-likelihood of a stretch, in nats.

    Args:
        model: Its softmax layer is computed here, so that its product can run in bf16.
        inputs: (T, B) int64.
        targets: (T, B) int64; `IGNORED` positions do not count.
        state: Carried from the stretch before; zeros if None.
        precision: Of the softmax layer's products; the soft-max itself is fp32.

    Returns:
        The sum over all steps and streams, and the state after the stretch.
    """
    features, state_after = model.features(inputs, state)
    features = features.flatten(0, 1)
    weight, bias = model.decoder.weight, model.decoder.bias
    if precision == "bf16":
        logits = linear(features.bfloat16(), weight.bfloat16()).float() + bias
    else:
        logits = linear(features, weight, bias)
    loss = cross_entropy(logits, targets.flatten(), ignore_index=IGNORED, reduction="sum")
    return loss, state_after


def detach_state(state: State) -> State:
    """The same state, through which no gradient flows back."""
    return tuple(
        entry.detach() if isinstance(entry, Tensor) else tuple(part.detach() for part in entry)
        for entry in state
    )
