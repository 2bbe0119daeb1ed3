"""Encoder-decoder over nn.GRU with a state hand-over and dot-product attention (Luong, 2015).

The hand-over and the attention product tie encoder and decoder: unit k of both is one component.

Run: python docs/examples/attention_translator.py
"""

# ruff: noqa: T201  an example shows its results

import torch
from torch import Tensor, nn

import issrnn


class Translator(nn.Module):
    """Written as anyone would write it; nothing in it knows of issrnn."""

    def __init__(self, source_words: int = 400, target_words: int = 300) -> None:
        super().__init__()
        self.source = nn.Embedding(source_words, 32)
        self.target = nn.Embedding(target_words, 32)
        self.encoder = nn.GRU(32, 48, batch_first=True)
        self.decoder = nn.GRU(32, 48, batch_first=True)
        self.mix = nn.Linear(2 * 48, 40)
        self.output = nn.Linear(40, target_words)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Score the next target words: source (B, S), target (B, T) -> (B, T, target words)."""
        memory, state = self.encoder(self.source(source))
        queries, _ = self.decoder(self.target(target), state)
        weights = torch.softmax(queries @ memory.transpose(1, 2), dim=-1)
        mixed = torch.tanh(self.mix(torch.cat([queries, weights @ memory], dim=-1)))
        return self.output(mixed)


def main() -> None:
    """Find the groups, let some components die, shrink, compare."""
    torch.manual_seed(0)
    model = Translator().eval()
    inputs = torch.randint(400, (2, 6)), torch.randint(300, (2, 5))
    groups = issrnn.find_groups(model, inputs)
    print(groups)
    # Training with group lasso does this; here half of the units are zeroed at random.
    for group in groups:
        group.zero_(torch.randperm(group.size)[: group.size // 2])
    small = issrnn.shrink(model, groups)
    print(issrnn.compare(model, small, inputs))
    torch.testing.assert_close(small(*inputs), model(*inputs), atol=1e-5, rtol=1e-5)


if __name__ == "__main__":
    main()
