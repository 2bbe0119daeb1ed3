"""The benchmark's record and tables; never its speed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from issrnn.artifact import load
from service.benchmark import Benchmark
from service.benchmark.__main__ import main
from service.benchmark.shares import _share_of_nodes, share_of_layers, sparsified_layers
from service.settings import Settings
from tests.artifacts import highway_architecture, make_artifact, make_classifier, make_reader


@pytest.fixture
def language_models(tmp_path: Path) -> list[str]:
    make_artifact(tmp_path / "dense", hidden_sizes=(12, 12))
    make_artifact(tmp_path / "iss", hidden_sizes=(4, 3))
    return [str(tmp_path / "dense"), str(tmp_path / "iss")]


@pytest.fixture
def highway_models(tmp_path: Path) -> list[str]:
    make_artifact(tmp_path / "dense", architecture=highway_architecture(12))
    make_artifact(tmp_path / "iss", architecture=highway_architecture(5))
    return [str(tmp_path / "dense"), str(tmp_path / "iss")]


@pytest.fixture
def readers(tmp_path: Path) -> list[str]:
    make_reader(tmp_path / "dense", hidden_sizes=(6,) * 8)
    make_reader(tmp_path / "iss", hidden_sizes=(6, 6, 2, 3, 1, 2, 4, 3))
    return [str(tmp_path / "dense"), str(tmp_path / "iss")]


@pytest.mark.parametrize(
    ("models", "sizes", "item"),
    [
        ("language_models", "12, 12 / 4, 3", "30 steps"),
        ("highway_models", "12 / 5", "30 steps"),
        (
            "readers",
            "8 x 6 / 6, 6, 2, 3, 1, 2, 4, 3",
            "150 context words + 12 question words",
        ),
    ],
)
def test_every_engine_is_timed_on_both_models(
    models: str,
    sizes: str,
    item: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folders: list[str] = request.getfixturevalue(models)
    record = tmp_path / "record.json"
    arguments = ["--rounds", "2", "--threads", "1", "--models", *folders, "--json", str(record)]
    assert main(arguments) == 0
    benchmark = Benchmark.model_validate_json(record.read_text())
    assert len(benchmark.timings) == 3 * 2 * 2  # engines, models, batches
    assert all(len(timing.milliseconds) == 2 for timing in benchmark.timings)
    assert all(0 < share.share < 1 for share in benchmark.shares)
    assert re.fullmatch(r"[0-9a-f]{40}( with changes)?|unknown", benchmark.commit)
    printed = capsys.readouterr().out
    assert printed.count(f"1 x {item}, 1 thread(s)") == 1
    assert printed.count(f"| onnxruntime-int8 | {sizes} |") == 2 + 1  # batches, and the shares
    assert printed.count("dense torch-fp32 / small") == 2
    assert "ISSRNN_ENGINES" not in printed


@pytest.fixture
def classifiers(tmp_path: Path) -> list[str]:
    make_classifier(tmp_path / "dense", hidden_sizes=(12,))
    make_classifier(tmp_path / "set", hidden_sizes=(12,), density=0.2, variant="set")
    make_classifier(tmp_path / "iss", hidden_sizes=(5,), variant="iss")
    return [str(tmp_path / name) for name in ("dense", "set", "iss")]


def test_sparse_kernels_are_timed_where_there_is_something_sparse(
    classifiers: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "record.json"
    arguments = ["--rounds", "3", "--threads", "1", "--models", *classifiers]
    assert main([*arguments, "--json", str(record)]) == 0
    benchmark = Benchmark.model_validate_json(record.read_text())
    timed = {(timing.model, timing.engine, timing.batch) for timing in benchmark.timings}
    assert len(timed) == len(benchmark.timings) == (3 + 4 + 3) * 2  # engines of each, batches
    assert {model for model, engine, _ in timed if engine == "torch-csr-fp32"} == {"set"}
    sparse = load(tmp_path / "set").card
    adds = {timing.multiply_adds for timing in benchmark.timings if timing.model == "set"}
    assert min(adds) == sum(
        count for name, count in sparse.sparse_weights.items() if name.startswith("layers.")
    )
    assert all(0 < share.share < 1 for share in benchmark.shares)
    assert {(share.model, share.engine) for share in benchmark.shares} == {
        (model, engine) for model, engine, _ in timed
    }
    printed = capsys.readouterr().out
    assert "16 x 64 words, 1 thread(s)" in printed
    assert printed.count("| onnxruntime-int8 | 12 / 12 (set) |") == 2 + 1  # batches, and the shares
    assert printed.count("| torch-csr-fp32 | 12 / 12 (set) |") == 2 + 1
    assert printed.count("| torch-fp32 | 12 / 5 |") == 2 + 1


def test_the_fastest_engine_of_each_model_is_given_as_a_setting(
    classifiers: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "record.json"
    arguments = ["--rounds", "3", "--threads", "1", "--models", *classifiers]
    assert main([*arguments, "--json", str(record)]) == 0
    benchmark = Benchmark.model_validate_json(record.read_text())
    found = re.findall(r"^fastest in fp32: ISSRNN_ENGINES='(.*)'$", capsys.readouterr().out, re.M)
    assert len(found) == 2
    for printed, batch in zip(found, (16, 1), strict=True):
        fastest = {
            model: min(
                (each.median, each.engine)
                for each in benchmark.timings
                if (each.model, each.batch) == (model, batch) and "int8" not in each.engine
            )[1]
            for model in ("dense", "set", "iss")
        }
        assert json.loads(printed) == fastest
        assert (
            Settings.model_validate({"engines": json.loads(printed)}).engine_of("set")
            == (fastest["set"])
        )


def test_a_single_model_is_timed_too(
    classifiers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--rounds", "1", "--threads", "1", "--engines", "torch-csr-fp32", "--models"]
    assert main([*arguments, classifiers[1]]) == 0
    printed = capsys.readouterr().out
    assert printed.count("| torch-csr-fp32 | 12 (set) |") == 2 + 1
    assert main([*arguments, classifiers[0]]) == 1
    assert "torch-csr-fp32 can compute none of these models" in capsys.readouterr().err


@pytest.mark.parametrize("engine", ["onnxruntime-fp32", "onnxruntime-int8", "torch-fp32"])
def test_the_share_is_that_of_the_layers_which_iss_makes_smaller(
    tmp_path: Path, engine: str
) -> None:
    reader = make_reader(tmp_path / "reader", hidden_sizes=(2, 2, 90, 90, 90, 90, 90, 90))
    layers = sparsified_layers(reader.card.architecture)
    assert layers == [
        f"{layer}.{direction}_lstm"
        for layer in ("modelling.0", "modelling.1", "output")
        for direction in ("forward", "backward")
    ]
    some, none = (
        share_of_layers(reader, engine, names, rounds=3)  # type: ignore[arg-type] # a literal
        for names in (layers, [])
    )
    assert 0 < some < 1
    assert none == 0


def test_a_loops_time_is_that_of_the_nodes_it_runs(tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    call = [("embedded", "Gather", 10), ("highway", "Scan", 999)]
    call += 2 * [("highway.0.products", "MatMul", 20), ("highway.0_quant", "QLinear", 5)]
    events = [
        {
            "cat": "Node",
            "name": f"{name}_kernel_time",
            "args": {"op_name": operation},
            "dur": duration,
        }
        for name, operation, duration in 5 * [*call, ("logits", "MatMul", 40)]
    ]
    profile.write_text(json.dumps([*events, {"cat": "Session", "name": "run", "dur": 1}]))
    assert _share_of_nodes(profile, ["highway"], calls=5) == pytest.approx(50 / 100)
    assert _share_of_nodes(profile, ["highway.0"], calls=5) == pytest.approx(50 / 100)
    assert _share_of_nodes(profile, ["decoder"], calls=5) == 0


@pytest.mark.parametrize("engine", ["onnxruntime-fp32", "onnxruntime-int8"])
def test_a_loops_nodes_are_in_the_record(tmp_path: Path, engine: str) -> None:
    model = make_artifact(tmp_path / "model", architecture=highway_architecture(64, depth=8))
    assert 0 < share_of_layers(model, engine, ["highway"], rounds=3) < 1  # type: ignore[arg-type]


def test_models_of_different_tasks_are_not_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_artifact(tmp_path / "scores")
    make_reader(tmp_path / "answers")
    assert main(["--models", str(tmp_path / "scores"), str(tmp_path / "answers")]) == 1
    [error] = capsys.readouterr().err.splitlines()
    assert "one architecture" in error


def test_a_missing_model_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--models", str(tmp_path / "absent")]) == 1
    [error] = capsys.readouterr().err.splitlines()
    assert "absent" in error
