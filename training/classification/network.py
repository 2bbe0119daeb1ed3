"""The classifier as it is trained: which layers compute it, and how it starts."""

from __future__ import annotations

from torch import nn

from issrnn.architecture import ClassifierArchitecture
from issrnn.networks import Classifier
from training.classification.config import ClassificationConfig
from training.fast_dropout import FastDropout
from training.fast_lstm import FastLSTM
from training.initial_weights import initialise_lstm_

__all__ = ["build_network"]


def build_network(config: ClassificationConfig, architecture: ClassifierArchitecture) -> Classifier:
    """The network a resolved config trains, with its initial weights.

    Args:
        config: Without ``auto``; see `training.run.resolve`.
        architecture: Sizes now, which live shrinking makes smaller than the config's.
    """

    def fast(inputs: int, hidden: int) -> FastLSTM:
        return FastLSTM(inputs, hidden, precision=config.product_precision)

    model = Classifier(
        architecture,
        dropout=FastDropout(1.0 - config.keep),
        recurrent=fast if config.recurrent == "fast" else None,
    )
    nn.init.uniform_(model.embedding.weight, -config.init_bound, config.init_bound)
    for layer in model.layers:
        if isinstance(layer, nn.LSTM):
            initialise_lstm_(layer)
    return model
