"""Two streams, an LSTM over words and a GRU over sound, concatenated and read by a third LSTM.

Run: python docs/examples/two_streams.py
"""

# ruff: noqa: T201  an example shows its results

import torch
from torch import Tensor, nn

import issrnn


class TwoStreams(nn.Module):
    """Written as anyone would write it; nothing in it knows of issrnn."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.LSTM(20, 40, batch_first=True)
        self.sound = nn.GRU(12, 24, batch_first=True)
        self.joint = nn.LSTM(40 + 24 + 12, 32, batch_first=True)
        self.head = nn.Sequential(nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 4))

    def forward(self, words: Tensor, sound: Tensor) -> Tensor:
        """Classify: words (B, T, 20), sound (B, T, 12) -> (B, 4)."""
        words_out, _ = self.words(words)
        sound_out, _ = self.sound(sound)
        joined = torch.cat([torch.tanh(words_out), sound_out, sound], dim=-1)
        joint_out, _ = self.joint(joined)
        return self.head(joint_out.mean(dim=1))


def main() -> None:
    """Find the groups, let some components die, shrink, compare."""
    torch.manual_seed(0)
    model = TwoStreams().eval()
    inputs = torch.randn(2, 6, 20), torch.randn(2, 6, 12)
    groups = issrnn.find_groups(model, inputs)
    print(groups)
    # Training with group lasso does this; here most of the units are zeroed at random.
    for group, left in zip(groups, (9, 10, 11), strict=True):
        group.zero_(torch.randperm(group.size)[left:])
    small = issrnn.shrink(model, groups)
    print(issrnn.compare(model, small, inputs))
    print(small)
    torch.testing.assert_close(small(*inputs), model(*inputs), atol=1e-5, rtol=1e-5)


if __name__ == "__main__":
    main()
