"""BiDAF as it is trained: which layers compute it, how it starts, and its loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from issrnn.architecture import BiDAFArchitecture
from issrnn.networks import BiDAF, Text
from training.fast_dropout import FastDropout
from training.fast_lstm import FastLSTM
from training.question_answering.config import QuestionAnsweringConfig

__all__ = ["build_network", "span_loss"]


def build_network(config: QuestionAnsweringConfig, architecture: BiDAFArchitecture) -> BiDAF:
    """The network a resolved config trains, with its initial weights.

    Args:
        config: Without ``auto``; see `training.run.resolve`.
        architecture: Sizes now, which live shrinking makes smaller than the config's.
    """

    def fast(inputs: int, hidden: int) -> nn.LSTM:
        return FastLSTM(inputs, hidden, precision=config.product_precision)

    model = BiDAF(
        architecture,
        dropout=FastDropout(1.0 - config.keep),
        recurrent=fast if config.recurrent == "fast" else nn.LSTM,
    )
    for module in model.modules():
        if isinstance(module, nn.LSTM):
            _initialise_(module)
    return model


def span_loss(model: BiDAF, context: Text, question: Text, starts: Tensor, ends: Tensor) -> Tensor:
    """Negative log-likelihood of the true answers' first and last words, in nats.

    Args:
        model: Computed in the mode it is in.
        context: B texts.
        question: The question on each.
        starts: (B,) int64, first word of the answer.
        ends: (B,) int64, last word of the answer.

    Returns:
        The sum over all questions.
    """
    start, end = model(context, question)  # (T, B)
    return cross_entropy(start.t(), starts, reduction="sum") + cross_entropy(
        end.t(), ends, reduction="sum"
    )


@torch.no_grad()
def _initialise_(lstm: nn.LSTM) -> None:
    """As the authors' code does: Glorot's weights, and gates that begin by remembering."""
    for name, parameter in lstm.named_parameters():
        if name.startswith("weight"):
            nn.init.xavier_uniform_(parameter)
        else:
            parameter.zero_()
        if name.startswith("bias_ih"):
            parameter[lstm.hidden_size : 2 * lstm.hidden_size] = 1.0
