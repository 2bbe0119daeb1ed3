"""Residual recurrent layers: an addition ties the layers, and their input projection, together.

Run: python docs/examples/residual_stack.py
"""

# ruff: noqa: T201  an example shows its results

import torch
from torch import Tensor, nn

import issrnn


class ResidualStack(nn.Module):
    """Written as anyone would write it; nothing in it knows of issrnn."""

    def __init__(self, features: int = 10, units: int = 36, layers: int = 3) -> None:
        super().__init__()
        self.project = nn.Linear(features, units)
        self.layers = nn.ModuleList(nn.RNN(units, units) for _ in range(layers))
        self.forecast = nn.Linear(units, features)

    def forward(self, series: Tensor) -> Tensor:
        """Forecast the next value at every step: (T, B, features) -> (T, B, features)."""
        hidden = self.project(series)
        for layer in self.layers:
            hidden = hidden + layer(hidden)[0]
        return self.forecast(hidden)


def main() -> None:
    """Find the groups, let some components die, shrink, compare."""
    torch.manual_seed(0)
    model = ResidualStack().eval()
    series = torch.randn(8, 2, 10)
    groups = issrnn.find_groups(model, series)
    print(groups)
    # Training with group lasso does this; here two thirds of the units are zeroed at random.
    for group in groups:
        group.zero_(torch.randperm(group.size)[group.size // 3 :])
    small = issrnn.shrink(model, groups)
    print(issrnn.compare(model, small, series))
    torch.testing.assert_close(small(series), model(series), atol=1e-5, rtol=1e-5)


if __name__ == "__main__":
    main()
