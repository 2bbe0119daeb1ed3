"""How the LSTM layers of readers and classifiers start."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["initialise_lstm_"]


@torch.no_grad()
def initialise_lstm_(lstm: nn.LSTM) -> None:
    """Glorot's weights, and gates that begin by remembering, as in BiDAF's published code."""
    for name, parameter in lstm.named_parameters():
        if name.startswith("weight"):
            nn.init.xavier_uniform_(parameter)
        else:
            parameter.zero_()
        if name.startswith("bias_ih"):
            parameter[lstm.hidden_size : 2 * lstm.hidden_size] = 1.0
