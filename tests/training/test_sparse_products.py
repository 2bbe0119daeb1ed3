"""Every way of leaving weights out is timed; structure leaves out whole units."""

import dataclasses
import json
from pathlib import Path

import pytest

from training.cli import main
from training.errors import RunError
from training.sparse_products import (
    SPARSITIES,
    Product,
    Products,
    products_table,
    read_products,
)


def test_the_command_prints_draws_and_records(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "products.json"
    sizes = ["--hidden", "20", "--batch", "2", "--rounds", "1", "--threads", "1"]
    folders = ["--out", str(tmp_path), "--record", str(record)]
    assert main(["benchmark-products", *sizes, *folders]) == 0
    output = capsys.readouterr().out
    assert "(80 x 40) x (40 x 2)" in output
    assert (tmp_path / "sparse-products.png").read_bytes().startswith(b"\x89PNG")
    [product] = json.loads(record.read_text())["products"]
    assert set(product["times"]) == {
        "dense", "structured", "CSR", "4 x 4 blocks", "20 x 20 blocks"
    }  # fmt: skip
    assert len(product["times"]["CSR"]) == len(SPARSITIES)


def test_speedups_are_over_the_dense_product() -> None:
    product = Product(10, 1, {"dense": {0.0: 8.0}, "CSR": dict.fromkeys(SPARSITIES, 4.0)})
    assert set(product.speedups("CSR").values()) == {2.0}
    assert products_table([product]).splitlines()[2].count("2.00x") == len(SPARSITIES)


def test_what_is_recorded_reads_back(tmp_path: Path) -> None:
    measured = Products("a machine", (Product(10, 1, {"dense": {0.0: 8.0}, "CSR": {0.5: 4.0}}),))
    path = tmp_path / "products.json"
    path.write_text(json.dumps(dataclasses.asdict(measured)))
    assert read_products(path) == measured
    assert read_products(tmp_path / "none.json") is None
    path.write_text('{"products": []}')
    with pytest.raises(RunError, match=r"products\.json is not what"):
        read_products(path)
