"""A text classifier that reads the final state h_n of both directions, not the output sequence.

The rows of h_n are one tensor, so both directions keep one size: where one has fewer units left,
its smaller module fills up with zeros.

Run: python docs/examples/state_classifier.py
"""

# ruff: noqa: T201  an example shows its results

import torch
from torch import Tensor, nn

import issrnn


class Classifier(nn.Module):
    """Written as anyone would write it; nothing in it knows of issrnn."""

    def __init__(self, words: int = 300, labels: int = 5) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, 24)
        self.gru = nn.GRU(24, 40, bidirectional=True)
        self.label = nn.Linear(2 * 40, labels)

    def forward(self, words: Tensor) -> Tensor:
        """Score every label: words (T, B) -> (B, labels)."""
        _, final = self.gru(self.embedding(words))
        return self.label(torch.cat([final[-2], final[-1]], dim=1))


def main() -> None:
    """Find the groups, let some components die, shrink, compare."""
    torch.manual_seed(0)
    model = Classifier().eval()
    words = torch.randint(300, (6, 2))
    groups = issrnn.find_groups(model, words)
    print(groups)
    # Training with group lasso does this; here units are zeroed at random, more in one direction.
    for group, left in zip(groups, (18, 13), strict=True):
        group.zero_(torch.randperm(group.size)[left:])
    small = issrnn.shrink(model, groups)
    print(issrnn.compare(model, small, words))
    print(small)
    torch.testing.assert_close(small(words), model(words), atol=1e-5, rtol=1e-5)


if __name__ == "__main__":
    main()
