"""Tables 1 and 2, the paper's rows beside the recorded runs."""

from typing import Any

from training.presets import PRESETS
from training.tables.language_modelling import (
    highway_table,
    l1_table,
    other_cells_table,
    stacked_table,
)

BETWEEN_LAYERS = {"keep": 0.6, "masks": "step", "weight_drop": 0.0, "dropout_words": 0.0}
"""Drop-out as the paper has it."""


def record(
    preset: str, test: float, sizes: list[int], multiply_adds: int, **settings: Any
) -> dict[str, Any]:
    return {
        "empty_components": [50, 10],
        "name": preset,
        "config": PRESETS[preset].to_document() | settings,
        "metrics": {"valid_perplexity": test + 4, "test_perplexity": test},
        "hidden_sizes": sizes,
        "parameters": 12_345_678,
        "multiply_adds_per_token": multiply_adds,
    }


RECORDS = [
    record("ptb-lstm-large-iss", 79.0, [373, 315], 6_000_000, **BETWEEN_LAYERS),
    record("ptb-lstm-large-dense", 78.5, [1500, 1500], 51_000_000),
    record("ptb-lstm-small-iss", 96.0, [104, 154], 1_825_392),
    record("ptb-lstm-small-dense", 95.5, [200, 200], 2_640_000),
    record("ptb-gru-small-dense", 99.0, [200, 200], 2_480_000),
    record("ptb-lstm-small-direct", 105.0, [100, 100], 1_200_000),
    record("ptb-lstm-small-l1", 97.0, [200, 200], 2_640_000),
    record("ptb-rhn-small-iss-0.006", 90.0, [100], 2_000_000),
]


def rows(table: str) -> dict[str, list[str]]:
    """Cells of each row by its first; of rows of one name the last."""
    split = ([cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines())
    return {first: others for first, *others in split}


def test_the_large_runs_stand_below_the_papers() -> None:
    table = rows(stacked_table(RECORDS))
    assert table["paper: direct design"] == [
        *("0.55", "90.31", "85.66", "373, 315", "21.8M", "6,811,396", "7.49x")
    ]
    assert table["ptb-lstm-large-iss"] == [
        *("0.60", "83.00", "79.00", "373, 315", "12.3M", "6,000,000", "8.50x")
    ]
    assert "ptb-lstm-small-iss" not in table


def test_runs_on_a_corpus_of_ones_own_are_not_of_the_penn_treebank() -> None:
    mine = record("ptb-lstm-large-iss", 79.0, [373, 315], 6_000_000, corpus="mine")
    assert "ptb-lstm-large-iss" not in rows(stacked_table([mine]))


def test_other_sizes_and_cells_are_compared_with_their_own_dense_run() -> None:
    table = rows(other_cells_table(RECORDS))
    fewer = {name: cells[-1] for name, cells in table.items() if name.startswith("ptb")}
    assert fewer == {
        "ptb-gru-small-dense": "1.00x",
        "ptb-lstm-small-dense": "1.00x",
        "ptb-lstm-small-iss": "1.45x",
        "ptb-lstm-small-direct": "2.20x",
    }


def test_a_run_is_compared_with_its_dense_model_also_where_none_is_recorded() -> None:
    assert rows(stacked_table(RECORDS[:1]))["ptb-lstm-large-iss"][-1] == "8.50x"


def test_what_else_is_dropped_stands_beside_keep() -> None:
    for settings, expected in (
        ({"weight_drop": 0.5}, "0.60, weight drop 0.50"),
        ({"masks": "sequence", "dropout_words": 0.1}, "0.60 variational, word drop 0.10"),
    ):
        dropping = BETWEEN_LAYERS | settings
        run = record("ptb-lstm-large-iss", 78.0, [300, 300], 6_000_000, **dropping)
        assert rows(stacked_table([run]))["ptb-lstm-large-iss"][0] == expected


def test_highway_networks_are_told_apart_by_depth_and_lambda() -> None:
    table = rows(highway_table(RECORDS))
    assert table["ptb-rhn-small-iss-0.006"][:2] == ["5", "0.006, after epoch 6 0.0005"]
    assert table["paper: ISS"][:5] == ["10", "0.007", "74.50", "71.20", "328"]


def test_highway_networks_of_one_size_stand_together() -> None:
    runs = [
        record("ptb-rhn-iss-0.004", 66.0, [400], 7_000_000),
        record("ptb-rhn-small-dense", 88.0, [256], 10_000_000),
    ]
    ours = [name for name in rows(highway_table([*RECORDS, *runs])) if name.startswith("ptb")]
    assert ours == ["ptb-rhn-iss-0.004", "ptb-rhn-small-dense", "ptb-rhn-small-iss-0.006"]


def test_l1_is_judged_by_the_components_it_empties() -> None:
    table = rows(l1_table(RECORDS))
    assert table["ptb-lstm-small-l1"] == [
        *("0.0001", "17", "0.80", "101.00", "97.00", "50, 10", "200, 200")
    ]
    assert "ptb-lstm-small-iss" not in table


def test_l1_on_a_highway_network_is_no_row_of_table_2() -> None:
    run = record("ptb-rhn-small-dense", 90.0, [256], 9_000_000, variant="l1", l1=0.001)
    assert "ptb-rhn-small-dense" not in rows(highway_table([run]))
    assert rows(l1_table([run]))["ptb-rhn-small-dense"][:3] == ["0.001", "13", ""]
