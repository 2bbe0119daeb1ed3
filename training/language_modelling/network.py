"""The language models as they are trained: which layers compute them, and their loss."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear

from issrnn.architecture import (
    LanguageModelArchitecture,
    RecurrentHighwayLanguageModel,
    RecurrentLanguageModel,
)
from issrnn.networks import (
    HighwayLayer,
    LanguageModel,
    RecurrentHighwayNetwork,
    SequenceDropout,
    State,
    VariationalDropout,
)
from training.fast_dropout import FastDropout
from training.fast_highway import FastHighwayLayer
from training.fast_lstm import FastLSTM, Precision
from training.language_modelling.config import (
    HighwayConfig,
    LanguageModelConfig,
    StackedConfig,
)
from training.language_modelling.streams import IGNORED

__all__ = ["AnyLanguageModel", "build_network", "detach_state", "plain_network", "sequence_loss"]

AnyLanguageModel = LanguageModel | RecurrentHighwayNetwork


def plain_network(architecture: LanguageModelArchitecture) -> AnyLanguageModel:
    """The network of an architecture, without drop-out and fast layers."""
    if isinstance(architecture, RecurrentHighwayLanguageModel):
        return RecurrentHighwayNetwork(architecture)
    return LanguageModel(architecture)


def build_network(
    config: LanguageModelConfig, architecture: LanguageModelArchitecture
) -> AnyLanguageModel:
    """The network a resolved config trains, with its initial weights.

    Args:
        config: Without ``auto``; see `training.run.resolve`.
        architecture: Sizes now, which live shrinking makes smaller than the config's.

    Raises:
        ValueError: If the config is of another kind of network than the architecture.
    """
    if isinstance(config, StackedConfig) and isinstance(architecture, RecurrentLanguageModel):
        model: AnyLanguageModel = _build_stacked(config, architecture)
    elif isinstance(config, HighwayConfig) and isinstance(
        architecture, RecurrentHighwayLanguageModel
    ):
        model = _build_highway(config, architecture)
    else:
        raise ValueError(f"a config of {config.preset} does not train a {architecture.kind}")
    # Only the words of a mini-batch have a gradient: a dense one would be mostly zeros, and
    # clearing, measuring and applying it took a seventh of a step of a shrunk model. Momentum and
    # weight decay move every word at every step, so they need the dense one.
    model.embedding.sparse = config.momentum == 0 and config.weight_decay == 0
    return model


def sequence_loss(
    model: AnyLanguageModel,
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
    weight, bias = model.decoder_weight, model.decoder.bias
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


def _build_stacked(config: StackedConfig, architecture: RecurrentLanguageModel) -> LanguageModel:
    precision = config.product_precision
    recurrent: Callable[[int, int], nn.RNNBase] | None = None
    if config.recurrent == "fast":

        def recurrent(inputs: int, hidden: int) -> FastLSTM:
            return FastLSTM(inputs, hidden, precision, config.weight_drop)

    model = LanguageModel(architecture, recurrent=recurrent)
    dropout = FastDropout if config.masks == "step" else SequenceDropout
    model.dropout = dropout(1.0 - config.keep)
    model.word_dropout = config.dropout_words
    model.initialise_uniform_(config.init_bound)
    return model


def _build_highway(
    config: HighwayConfig, architecture: RecurrentHighwayLanguageModel
) -> RecurrentHighwayNetwork:
    precision = config.product_precision

    def fast(inputs: int, width: int, depth: int) -> FastHighwayLayer:
        return FastHighwayLayer(inputs, width, depth, precision=precision)

    dropout = VariationalDropout(
        config.dropout_words, config.dropout_inputs, config.dropout_state, config.dropout_output
    )
    layer = fast if config.recurrent == "fast" else HighwayLayer
    model = RecurrentHighwayNetwork(architecture, dropout=dropout, layer=layer)
    model.initialise_uniform_(config.init_bound, config.gate_bias)
    return model
