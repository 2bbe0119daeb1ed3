"""What an image weighs is computed from what its Dockerfile says."""

from pathlib import Path

import pytest

from deploy.image_size import Weight, largest_packages, main, read_recipe, table

ROOT = Path(__file__).parents[2]


def test_a_dockerfile_is_read() -> None:
    found = read_recipe("service", (ROOT / "deploy" / "Dockerfile.service").read_text())
    assert found.parent is None
    assert {"pyproject.toml", "constraints.txt", "issrnn", "service"} <= set(found.sources)
    ((*_, constraints, extra),) = found.installs
    assert (constraints, extra) == ("constraints.txt", ".[serve]")
    assert found.copies == ("models",)


def test_an_image_may_build_on_another() -> None:
    found = read_recipe("ray", (ROOT / "deploy" / "Dockerfile.ray").read_text())
    assert found.parent == "service"
    ((*_, package),) = found.installs
    assert package.startswith("ray[serve]==")
    assert found.copies == ()


def test_the_table_adds_up() -> None:
    weight = Weight("service", 200_000_000, 50_000_000, (("onnxruntime", 90_000_000),))
    row = table([weight], 130.0).splitlines()[-1]
    assert row == "| service | 130 | 200 | 50 | 380 | onnxruntime 90 |"


def test_packages_are_weighed_by_their_files(tmp_path: Path) -> None:
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    for name, size in (("light", 10), ("heavy", 1000)):
        (site / name).mkdir(parents=True)
        (site / name / "data.bin").write_bytes(b"0" * size)
        info = site / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "RECORD").write_text(f"{name}/data.bin,,\n")
    assert largest_packages(tmp_path) == [("heavy", 1000), ("light", 10)]


def test_an_unknown_image_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serwice"])
    assert "deploy/Dockerfile.serwice" in capsys.readouterr().err
