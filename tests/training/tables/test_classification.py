"""Dense, SET and ISS classifiers side by side, from records of runs and of the benchmark."""

import json
from pathlib import Path
from typing import Any

import pytest
from matplotlib.patches import Rectangle

from training.cli import main
from training.presets import PRESETS
from training.tables.classification import classifier_rows, classifiers_table
from training.tables.classifiers_picture import classifiers_figure
from training.tables.evidence import CLASSIFIER_TIMINGS
from training.tables.timings import NO_TIMINGS, read_timings


def record(preset: str, name: str, accuracy: float, weights: int, **settings: Any) -> Any:
    return {
        "name": name,
        "config": PRESETS[preset].to_document() | settings,
        "metrics": {"test_accuracy": accuracy},
        "hidden_sizes": [100 if "iss" in preset else 128],
        "parameters": weights,
        "multiply_adds_per_token": 131_072,
        "wall_time_seconds": 300.0,
        "peak_memory_bytes": 2**30,
        "epochs": [{}, {}],
        "machine": "a machine",
        "created": "2026-01-02T03:04:05+00:00",
        "commits": ["0123456789"],
    }


RECORDS = [
    record("imdb-lstm-set", "imdb-lstm-set-seed2", 87.0, 100_000, seed=2),
    record("imdb-lstm-set", "imdb-lstm-set-seed1", 88.0, 100_000, seed=1),
    record("imdb-lstm-set", "imdb-lstm-set-seed10", 86.0, 100_000, seed=10),
    record("imdb-lstm-iss", "imdb-lstm-iss", 88.5, 2_000_000),
    record("imdb-lstm-dense", "imdb-lstm-dense", 89.0, 2_700_000),
    record("sanders-lstm-dense", "sanders-lstm-dense", 70.0, 500_000),
]


def timing(model: str, engine: str, batch: int, *milliseconds: float) -> dict[str, Any]:
    adds = 4_000 if "csr" in engine else 131_072
    return {
        "model": model,
        "engine": engine,
        "batch": batch,
        "threads": 1,
        "bytes": 1234,
        "milliseconds": milliseconds,
        "multiply_adds": adds,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of records."""
    for each in RECORDS:
        (tmp_path / f"{each['name']}.json").write_text(json.dumps(each))
    timings = [
        timing("imdb-lstm-dense", "onnxruntime-fp32", 1, 9.0, 3.0, 4.0),
        timing("imdb-lstm-set", "onnxruntime-fp32", 1, 4.0),
        timing("imdb-lstm-set", "torch-csr-fp32", 1, 12.0),
    ]
    document = {
        "item": "64 words",
        "timings": timings,
        "machine": "a processor",
        "cores": 2,
        "versions": {"torch": "2.0"},
        "created": "2026-01-02T03:04:05+00:00",
    }
    (tmp_path / CLASSIFIER_TIMINGS).write_text(json.dumps(document))
    return tmp_path


def cells(table: str | None) -> list[list[str]]:
    assert table is not None
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]


def test_runs_of_one_preset_are_one_row_with_their_spread(folder: Path) -> None:
    timings = read_timings(folder / CLASSIFIER_TIMINGS)
    dense, iss, sparse = cells(classifiers_table(RECORDS, timings, "imdb"))
    assert dense == [
        *("imdb-lstm-dense", "1", "89.00", "128", "2,700,000", "1,234", "131,072"),
        *("4.00", "", "", "", "5.0", "1.00 GiB"),
    ]
    assert "| ms, 1 x 64 words | ms, 16 x 64 words | CSR: ms, 1 x 64 words |" in " ".join(
        (classifiers_table(RECORDS, timings, "imdb") or "").split()
    )
    assert iss[:6] == ["imdb-lstm-iss", "1", "88.50", "100", "2,000,000", ""]
    assert sparse == [
        *("imdb-lstm-set", "3", "87.00 ± 1.00", "128", "100,000", "1,234", "4,000"),
        *("4.00", "", "12.00", "", "5.0", "1.00 GiB"),
    ]


def test_runs_with_other_settings_are_rows_of_their_own() -> None:
    more = record("imdb-lstm-iss", "imdb-lstm-iss-8", 80.0, 1_000_000, **{"lambda": 8.0})
    odd = record("imdb-lstm-dense", "imdb-lstm-direct", 85.0, 1_000_000, variant="direct")
    found = [
        (row.model, row.accuracy)
        for row in classifier_rows([odd, *RECORDS, more], NO_TIMINGS, "imdb")
    ]
    assert found == [
        *[("imdb-lstm-dense", 89.0), ("imdb-lstm-iss", 88.5), ("imdb-lstm-iss-8", 80.0)],
        *[("imdb-lstm-set", 87.0), ("imdb-lstm-direct", 85.0)],
    ]


def test_each_corpus_has_rows_of_its_own() -> None:
    assert [row.model for row in classifier_rows(RECORDS, NO_TIMINGS, "sanders")] == [
        "sanders-lstm-dense"
    ]
    assert classifiers_table(RECORDS[:1], NO_TIMINGS, "sanders") is None


def test_multiply_adds_of_a_sparse_model_are_known_by_its_engine_alone() -> None:
    by_model = {row.model: row for row in classifier_rows(RECORDS, NO_TIMINGS, "imdb")}
    assert by_model["imdb-lstm-set"].multiply_adds is None
    assert by_model["imdb-lstm-dense"].multiply_adds == 131_072


def test_a_benchmark_gives_medians(folder: Path) -> None:
    timings = read_timings(folder / CLASSIFIER_TIMINGS)
    assert timings.median("imdb-lstm-dense", "onnxruntime-fp32", batch=1) == 4.0
    assert timings.median("imdb-lstm-dense", "onnxruntime-fp32", batch=16) is None
    assert read_timings(folder / "none.json") == NO_TIMINGS


def test_document_and_pictures_are_written_together(folder: Path) -> None:
    out = folder / "docs" / "results.md"
    assert main(["tables", "--records", str(folder), "--write", str(out)]) == 0
    text = out.read_text()
    for corpus in ("imdb", "sanders"):
        picture = f"images/classifiers-{corpus}.png"
        assert f"]({picture})" in text
        assert (out.parent / picture).read_bytes().startswith(b"\x89PNG")
    assert "(a processor, 2 cores; torch 2.0; 2026-01-02)" in text
    assert "--models models/imdb-lstm-dense models/imdb-lstm-set \\\n" in text


def test_every_row_has_bars_of_its_own(folder: Path) -> None:
    more = record("imdb-lstm-iss", "imdb-lstm-iss-8", 80.0, 1_000_000, **{"lambda": 8.0})
    timings = read_timings(folder / CLASSIFIER_TIMINGS)
    rows = classifier_rows([*RECORDS, more], timings, "imdb")
    figure = classifiers_figure("Sentiment", rows, timings)
    for axes in figure.axes[:2]:
        places = {round(bar.get_x(), 6) for bar in axes.patches if isinstance(bar, Rectangle)}
        assert len(places) == len(rows) == 4


def test_a_file_that_is_no_benchmark_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / CLASSIFIER_TIMINGS).write_text('{"timings": [{}]}')
    assert main(["tables", "--records", str(folder)]) == 2
    assert "is not what service.benchmark writes: KeyError('versions')" in capsys.readouterr().err
