"""Every way of leaving weights out is timed; structure leaves out whole units."""

import json
from pathlib import Path

import pytest

from training.cli import main
from training.sparse_products import SPARSITIES, Product, products_table


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
