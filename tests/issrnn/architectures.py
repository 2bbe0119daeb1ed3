"""Models of many shapes, none of them made for this library, for tests to shrink."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

CELLS: dict[str, Any] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


def hidden(state: Any) -> Tensor:
    """``h`` of a final state of any cell."""
    h: Tensor = state[0] if isinstance(state, tuple) else state
    return h


class Sequence2Label(nn.Module):
    """A recurrent module of any shape, read by a Linear in one of several ways."""

    def __init__(self, cell: str, receiver: str, **options: Any) -> None:
        super().__init__()
        self.rnn = CELLS[cell](5, 6, **options)
        self.receiver = receiver
        directions = 1 + options.get("bidirectional", False)
        layers = options.get("num_layers", 1)
        widths = {"last_state": 6, "all_states": 6 * layers * directions}
        self.fc = nn.Linear(widths.get(receiver, 6 * directions), 3)
        self.steps_first = not options.get("batch_first", False)

    def forward(self, x: Tensor) -> Any:
        out, state = self.rnn(x)
        h = hidden(state)
        if self.receiver == "last_state":
            return self.fc(h[-1])
        if self.receiver == "all_states":
            return self.fc(h.transpose(0, 1).flatten(1))
        if self.receiver == "max_over_time":
            return self.fc(torch.relu(out).amax(0 if self.steps_first else 1))
        if self.receiver == "last_step":
            return self.fc(out[-1] if self.steps_first else out[:, -1])
        return self.fc(torch.tanh(out))


class PackedTagger(nn.Module):
    """Packed sequences of different lengths through several layers and both directions."""

    def __init__(self, cell: str, layers: int, *, bidirectional: bool, sort: bool) -> None:
        super().__init__()
        self.rnn = CELLS[cell](
            5, 6, num_layers=layers, bidirectional=bidirectional, batch_first=True
        )
        self.fc = nn.Linear(6 * (1 + bidirectional), 3)
        self.sort = sort

    def forward(self, x: Tensor, lengths: Tensor) -> Any:
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=not self.sort)
        out, _ = pad_packed_sequence(self.rnn(packed)[0], batch_first=True)
        return self.fc(out)


class SumOfDirections(nn.Module):
    """Directions parted by literal positions and added."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.rnn = nn.LSTM(5, 6, bidirectional=True)
        self.fc = nn.Linear(6, 3)
        self.how = how

    def forward(self, x: Tensor) -> Any:
        out, _ = self.rnn(x)
        if self.how == "slice":
            return self.fc(out[..., :6] + out[..., 6:])
        if self.how == "chunk":
            left, right = out.chunk(2, -1)
            return self.fc(left + right)
        return self.fc(out.view(out.shape[0], out.shape[1], 2, 6).sum(2))


class LuongDecoder(nn.Module):
    """Encoder and decoder tied by a state hand-over and by dot-product attention."""

    def __init__(self, cell: str = "gru", *, layers: int = 1) -> None:
        super().__init__()
        self.encoder = CELLS[cell](4, 6, num_layers=layers)
        self.decoder = CELLS[cell](4, 6, num_layers=layers)
        self.mix = nn.Linear(12, 7)
        self.fc = nn.Linear(7, 3)

    def forward(self, source: Tensor, target: Tensor) -> Any:
        memory, state = self.encoder(source)
        queries, _ = self.decoder(target, state)
        scores = torch.einsum("tbh,sbh->bts", queries, memory)
        context = torch.bmm(scores.softmax(-1), memory.transpose(0, 1)).transpose(0, 1)
        return self.fc(torch.tanh(self.mix(torch.cat([queries, context], -1))))


class BahdanauDecoder(nn.Module):
    """Additive attention, its own projections, and a bridge between the states."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.GRU(4, 6, bidirectional=True, batch_first=True)
        self.bridge = nn.Linear(12, 5)
        self.decoder = nn.GRU(4, 5, batch_first=True)
        self.of_query = nn.Linear(5, 8, bias=False)
        self.of_key = nn.Linear(12, 8)
        self.score = nn.Linear(8, 1, bias=False)
        self.fc = nn.Linear(17, 3)

    def forward(self, source: Tensor, target: Tensor) -> Any:
        memory, h = self.encoder(source)
        start = torch.tanh(self.bridge(torch.cat([h[0], h[1]], dim=-1))).unsqueeze(0)
        queries, _ = self.decoder(target, start)
        sums = self.of_query(queries).unsqueeze(2) + self.of_key(memory).unsqueeze(1)
        weights = self.score(torch.tanh(sums)).squeeze(-1).softmax(-1)
        return self.fc(torch.cat([queries, weights @ memory], -1))


class ResidualStack(nn.Module):
    """Layers added to their input, which comes from a projection."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(4, 6)
        self.layers = nn.ModuleList(nn.LSTM(6, 6) for _ in range(2))
        self.fc = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Any:
        h = self.project(x)
        for layer in self.layers:
            h = h + layer(h)[0]
        return self.fc(h)


class TwoStreams(nn.Module):
    """Two recurrent modules joined by concatenation, then a third over a stack of both."""

    def __init__(self, join: str = "cat") -> None:
        super().__init__()
        self.text, self.sound = nn.LSTM(4, 6, batch_first=True), nn.GRU(3, 6, batch_first=True)
        self.top = nn.LSTM(12 if join == "cat" else 6, 5, batch_first=True)
        self.fc = nn.Linear(5, 2)
        self.join = join

    def forward(self, text: Tensor, sound: Tensor) -> Any:
        a, b = self.text(text)[0], self.sound(sound)[0]
        if self.join == "cat":
            return self.fc(self.top(torch.cat((a, b), 2))[0])
        return self.fc(self.top(torch.stack((a, b)).mean(0))[0])


class TiedLanguageModel(nn.Module):
    """Embedding and softmax layer share their weights (Press and Wolf, 2017)."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 6)
        self.rnn = nn.LSTM(6, 6)
        self.decoder = nn.Linear(6, 11)
        self.decoder.weight = self.embedding.weight

    def forward(self, tokens: Tensor, state: Any = None) -> Any:
        out, state = self.rnn(self.embedding(tokens), state)
        return self.decoder(out), state


class FixedStart(nn.Module):
    """The initial state is made in forward, of a size written down there."""

    def __init__(self, cell: str = "lstm", *, layers: int = 1, read_state: bool = False) -> None:
        super().__init__()
        self.rnn = CELLS[cell](5, 6, num_layers=layers, batch_first=True)
        self.fc = nn.Linear(6, 3)
        self.layers, self.read_state, self.lstm = layers, read_state, cell == "lstm"

    def forward(self, x: Tensor) -> Any:
        zeros = torch.zeros(self.layers, x.shape[0], 6, dtype=x.dtype)
        start = (zeros, zeros) if self.lstm else zeros
        out, state = self.rnn(x, start)
        return self.fc(hidden(state)[-1] if self.read_state else out[:, -1])


class LiteralView(nn.Module):
    """The number of units is written in a reshape."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(5, 6, batch_first=True)
        self.fc = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Any:
        return self.fc(self.rnn(x)[0].reshape(-1, 6))


class Convolved(nn.Module):
    """Units are the channels of a convolution, which is pooled over time."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(5, 6, batch_first=True)
        self.conv = nn.Conv1d(6, 4, 2)
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Any:
        maps = torch.relu(self.conv(self.rnn(x)[0].transpose(1, 2)))
        return self.fc(nn.functional.max_pool1d(maps, maps.shape[-1]).squeeze(-1))


class StepByStep(nn.Module):
    """A torch cell called in a Python loop."""

    def __init__(self, cell: str, *, start: str = "none") -> None:
        super().__init__()
        cells: dict[str, Any] = {"lstm": nn.LSTMCell, "gru": nn.GRUCell, "rnn": nn.RNNCell}
        self.cell = cells[cell](5, 6)
        self.fc = nn.Linear(6, 3)
        self.start, self.lstm = start, cell == "lstm"

    def forward(self, x: Tensor) -> Any:
        zeros = torch.zeros(x.shape[1], 6, dtype=x.dtype)
        state: Any = None
        if self.start == "zeros":
            state = (zeros, zeros) if self.lstm else zeros
        outputs = []
        for step in x:
            state = self.cell(step, state)
            outputs.append(hidden(state))
        return self.fc(torch.stack(outputs))
