"""An LSTM whose output goes through any function, and what it reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Reader", "X"]

X = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(1))


class Reader(nn.Module):
    """An LSTM whose output goes through any function."""

    def __init__(
        self, read: Callable[[Any, Any], Any], *modules: nn.Module, **options: Any
    ) -> None:
        super().__init__()
        self.rnn = nn.LSTM(5, 6, **options)
        self.fc = nn.Linear(6, 3)
        self.others = nn.ModuleList(modules)
        self.read = read

    def forward(self, x: Tensor) -> Any:
        return self.read(self, x)
