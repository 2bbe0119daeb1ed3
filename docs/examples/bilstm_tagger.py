"""A part-of-speech tagger: embedding, two-layer BiLSTM over packed sentences, one tag a word.

Run: python docs/examples/bilstm_tagger.py
"""

# ruff: noqa: T201  an example shows its results

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import issrnn


class Tagger(nn.Module):
    """Written as anyone would write it; nothing in it knows of issrnn."""

    def __init__(self, words: int = 500, tags: int = 17) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, 32)
        self.lstm = nn.LSTM(32, 64, num_layers=2, bidirectional=True, batch_first=True, dropout=0.2)
        self.tag = nn.Linear(2 * 64, tags)

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        """Score every tag: words (B, T), lengths (B,) -> (B, T, tags)."""
        packed = pack_padded_sequence(
            self.embedding(words), lengths, batch_first=True, enforce_sorted=False
        )
        output, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return self.tag(output)


def main() -> None:
    """Find the groups, let some components die, shrink, compare."""
    torch.manual_seed(0)
    model = Tagger().eval()
    inputs = torch.randint(500, (3, 7)), torch.tensor([4, 7, 2])
    groups = issrnn.find_groups(model, inputs)
    print(groups)
    # Training with group lasso does this; here half of the units are zeroed at random.
    for group in groups:
        group.zero_(torch.randperm(group.size)[: group.size // 2 + len(group.owner) % 3])
    small = issrnn.shrink(model, groups)
    print(issrnn.compare(model, small, inputs))
    print(small)
    torch.testing.assert_close(small(*inputs), model(*inputs), atol=1e-5, rtol=1e-5)


if __name__ == "__main__":
    main()
