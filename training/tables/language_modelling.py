"""Tables 1 and 2 of Wen et al. (ICLR 2018), and the same for the networks of other sizes and cells.

Multiply-adds of the paper's rows follow from their sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from issrnn.architecture import RecurrentHighwayLanguageModel, RecurrentLanguageModel
from training.language_modelling.config import HighwayConfig, LanguageModelConfig, StackedConfig
from training.presets import PRESETS
from training.tables.markdown import markdown_table
from training.tables.records import Record, config_of

__all__ = ["highway_table", "l1_table", "other_cells_table", "stacked_table"]

_WORDS = 10_000
_LARGE = (1500, 1500)
_HIGHWAY_WIDTH = 830
_COLUMNS = ("model", "keep", "valid", "test", "units", "weights", "multiply-adds a word", "fewer")


@dataclass(frozen=True)
class _Row:
    name: str
    settings: tuple[str, ...]
    """What a run was told, such as the share of activations that drop-out keeps."""
    valid: float
    test: float
    """Perplexities."""
    sizes: tuple[int, ...]
    weights: str
    multiply_adds: int
    """A word."""
    dense_multiply_adds: int
    """Of the dense model it is compared with."""

    def cells(self) -> tuple[str, ...]:
        """In the order of `_COLUMNS`."""
        return (
            self.name,
            *self.settings,
            f"{self.valid:.2f}",
            f"{self.test:.2f}",
            ", ".join(map(str, self.sizes)),
            self.weights,
            f"{self.multiply_adds:,}",
            f"{self.dense_multiply_adds / self.multiply_adds:.2f}x",
        )


def _published(
    name: str, keep: str, valid: float, test: float, sizes: tuple[int, int], weights: str
) -> _Row:
    ours, dense = (
        RecurrentLanguageModel(
            vocabulary_size=_WORDS, embedding_size=_LARGE[0], hidden_sizes=hidden_sizes
        ).multiply_adds_per_token()
        for hidden_sizes in (sizes, _LARGE)
    )
    return _Row(name, (keep,), valid, test, sizes, weights, ours, dense)


_PAPER_STACKED = (
    _published("paper: dense", "0.35", 82.57, 78.57, (1500, 1500), "66.0M"),
    _published("paper: ISS", "0.60", 82.59, 78.65, (373, 315), "21.8M"),
    _published("paper: ISS", "0.60", 80.24, 76.03, (381, 535), "25.2M"),
    _published("paper: direct design", "0.55", 90.31, 85.66, (373, 315), "21.8M"),
)


def _published_highway(
    name: str, strength: str, valid: float, test: float, width: int, weights: str
) -> _Row:
    ours, dense = (
        RecurrentHighwayLanguageModel(
            vocabulary_size=_WORDS, hidden_sizes=hidden_sizes, depth=10
        ).multiply_adds_per_token()
        for hidden_sizes in ((width,), (_HIGHWAY_WIDTH,))
    )
    return _Row(name, ("10", strength), valid, test, (width,), weights, ours, dense)


_PAPER_HIGHWAY = (
    _published_highway("paper: dense", "0", 67.9, 65.4, 830, "23.5M"),
    _published_highway("paper: ISS", "0.004", 67.5, 65.0, 726, "18.9M"),
    _published_highway("paper: ISS", "0.005", 68.1, 65.4, 517, "11.1M"),
    _published_highway("paper: ISS", "0.006", 70.3, 67.7, 403, "7.6M"),
    _published_highway("paper: ISS", "0.007", 74.5, 71.2, 328, "5.7M"),
)


def stacked_table(records: Sequence[Record]) -> str:
    """Table 1: two LSTM layers of 1500 units, ours below the paper's."""
    ours = [
        _row(record, config, (_drop_out(config),))
        for record, config in _stacked(records)
        if _is_large(config) and config.variant != "l1"
    ]
    return _table([*_group(_PAPER_STACKED), *_group(ours)])


def other_cells_table(records: Sequence[Record]) -> str:
    """Stacked networks of other sizes, LSTM, GRU and vanilla RNN, each after its dense run."""
    rows = [
        (config.cell, _row(record, config, (_drop_out(config),)))
        for record, config in _stacked(records)
        if not _is_large(config) and config.variant != "l1"
    ]
    rows.sort(key=lambda each: (each[0], each[1].dense_multiply_adds, -each[1].multiply_adds))
    return _table([row.cells() for _, row in rows])


def highway_table(records: Sequence[Record]) -> str:
    """Table 2: recurrent highway networks, each size after its dense run."""
    ours = [
        _row(record, config, (str(config.depth), _strength(config)))
        for record, config in _configs(records)
        if isinstance(config, HighwayConfig) and config.variant != "l1"
    ]
    ours.sort(key=lambda row: (-row.dense_multiply_adds, -row.multiply_adds))
    columns = ("model", "depth", "lambda", *_COLUMNS[2:])
    return markdown_table(columns, [*_group(_PAPER_HIGHWAY), *(row.cells() for row in ours)])


def l1_table(records: Sequence[Record]) -> str:
    """Appendix A: components that plain l1 on a trained dense model empties, though it knows none.

    The paper's row is of the large network, before anything is removed.
    """
    columns = ("model", "l1", "epochs", "keep", "valid", "test", "emptied", "of")
    rows = [("paper: large, l1", "0.0001", "", "0.60", "82.40", "78.60", "504, 220", "1500, 1500")]
    for record, config in _configs(records):
        if config.variant == "l1":
            perplexities = (record["metrics"][f"{split}_perplexity"] for split in ("valid", "test"))
            rows.append(
                (
                    record["name"],
                    f"{config.l1:g}",
                    str(config.epochs),
                    _drop_out(config) if isinstance(config, StackedConfig) else "",
                    *(f"{perplexity:.2f}" for perplexity in perplexities),
                    ", ".join(map(str, record["empty_components"])),
                    ", ".join(map(str, config.hidden_sizes)),
                )
            )
    return markdown_table(columns, rows)


def _strength(config: HighwayConfig) -> str:
    """lambda, and what follows it in which epoch."""
    if config.lambda_epochs is None:
        return f"{config.lambda_:g}"
    return f"{config.lambda_:g}, after epoch {config.lambda_epochs} {config.lambda_after:g}"


def _drop_out(config: StackedConfig) -> str:
    """As the cell *keep* has it."""
    variational = " variational" if config.masks == "sequence" else ""
    weights = f", weight drop {config.weight_drop:.2f}" if config.weight_drop else ""
    words = f", word drop {config.dropout_words:.2f}" if config.dropout_words else ""
    return f"{config.keep:.2f}{variational}{weights}{words}"


def _is_large(config: StackedConfig) -> bool:
    """Whether a run is of Table 1's network, or designed after what ISS left of it."""
    return config.cell == "lstm" and "-large-" in config.preset


def _configs(records: Sequence[Record]) -> list[tuple[Record, LanguageModelConfig]]:
    parsed = [(record, config_of(record)) for record in records]
    return [
        (record, config)
        for record, config in parsed
        if isinstance(config, LanguageModelConfig) and config.corpus == "ptb"
    ]


def _stacked(records: Sequence[Record]) -> list[tuple[Record, StackedConfig]]:
    return [(record, c) for record, c in _configs(records) if isinstance(c, StackedConfig)]


def _row(record: Record, config: LanguageModelConfig, settings: tuple[str, ...]) -> _Row:
    words = record.get("data", {}).get("vocabulary", _WORDS)  # the first records lack it
    return _Row(
        record["name"],
        settings,
        record["metrics"]["valid_perplexity"],
        record["metrics"]["test_perplexity"],
        tuple(record["hidden_sizes"]),
        f"{record['parameters'] / 1e6:.1f}M",
        record["multiply_adds_per_token"],
        _dense_config(config).architecture(words).multiply_adds_per_token(),
    )


def _dense_config(config: LanguageModelConfig) -> LanguageModelConfig:
    """What a run is compared with: its own start, or the dense run it was designed after."""
    if config.variant == "direct":
        dense = PRESETS.get(config.preset.replace("-direct", "-dense"))
        if isinstance(dense, LanguageModelConfig):
            return dense
    return config


def _group(rows: Sequence[_Row]) -> list[tuple[str, ...]]:
    """The largest first."""
    return [row.cells() for row in sorted(rows, key=lambda row: -row.multiply_adds)]


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    return markdown_table(_COLUMNS, rows)
