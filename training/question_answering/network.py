"""BiDAF as it is trained: which layers compute it, how it starts, and its loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from issrnn.architecture import BiDAFArchitecture
from issrnn.networks import BiDAF, Text
from issrnn.networks.bidaf import BidirectionalLSTM
from training.fast_dropout import FastDropout
from training.fast_lstm import Precision, run_lstm
from training.initial_weights import initialise_lstm_
from training.question_answering.config import QuestionAnsweringConfig

__all__ = ["FastBidirectionalLSTM", "build_network", "span_loss"]


def build_network(config: QuestionAnsweringConfig, architecture: BiDAFArchitecture) -> BiDAF:
    """The network a resolved config trains, with its initial weights.

    Args:
        config: Without ``auto``; see `training.run.resolve`.
        architecture: Sizes now, which live shrinking makes smaller than the config's.
    """

    def fast(inputs: int, forward_size: int, backward_size: int) -> FastBidirectionalLSTM:
        return FastBidirectionalLSTM(
            inputs, forward_size, backward_size, precision=config.product_precision
        )

    model = BiDAF(
        architecture,
        dropout=FastDropout(1.0 - config.keep),
        recurrent=fast if config.recurrent == "fast" else None,
    )
    for module in model.modules():
        if isinstance(module, nn.LSTM):
            initialise_lstm_(module)
    return model


class FastBidirectionalLSTM(BidirectionalLSTM):
    """The same layer, faster to train: both directions read one low-precision copy of the input.

    In evaluation mode it is the ordinary layer, whose LSTMs `find_groups` sees running.
    """

    def __init__(
        self, inputs: int, forward_size: int, backward_size: int, precision: Precision
    ) -> None:
        super().__init__(inputs, forward_size, backward_size)
        self.precision = precision

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Both outputs side by side, (T, B, F + R); what stands at padding means nothing."""
        if not self.training:
            return super().forward(inputs, lengths)
        dtype = torch.bfloat16 if self.precision == "bf16" else inputs.dtype
        steps = torch.arange(len(inputs), device=inputs.device).unsqueeze(1)
        padding = (steps >= lengths).unsqueeze(-1)
        low = inputs.to(dtype)
        outputs = []
        for lstm, read_backwards in ((self.forward_lstm, None), (self.backward_lstm, padding)):
            zeros = inputs.new_zeros(inputs.shape[1], lstm.hidden_size)
            outputs.append(run_lstm(lstm, low, (zeros, zeros), dtype, read_backwards)[0])
        return torch.cat(outputs, dim=-1)


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
