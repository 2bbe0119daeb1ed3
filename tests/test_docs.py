"""docs/ tells the truth where that can be checked: links, settings, metrics, alerts, figures."""

from __future__ import annotations

import json
import math
import re
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.app import create_app
from service.settings import Settings
from service.settings_table import main, settings_table, with_table
from tests.test_layout import MAY_IMPORT

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md"])
OPERATING = (DOCS / "operating.md").read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """Without code blocks."""
    return re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)


def anchors(page: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_the_table_of_settings_is_the_present_one() -> None:
    again = "python -m service.settings_table --write docs/operating.md"
    assert with_table(OPERATING) == OPERATING, f"to make it anew: {again}"
    assert again in OPERATING
    assert all(field.description for field in Settings.model_fields.values())


def test_the_table_of_settings_is_written_between_its_markers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "page.md"
    file.write_text("before\n<!-- settings: begin -->\nold\n<!-- settings: end -->\nafter\n")
    assert main(["--write", str(file)]) == 0
    assert settings_table() in file.read_text()
    assert file.read_text().startswith("before\n")
    assert file.read_text().endswith("after\n")
    assert "old\n" not in file.read_text()
    file.write_text("no markers\n")
    assert main(["--write", str(file)]) == 1
    assert "settings: begin" in capsys.readouterr().err
    assert main([]) == 0
    assert capsys.readouterr().out == settings_table()


def test_every_metric_is_explained_and_every_explained_metric_exists(tmp_path: Path) -> None:
    families = create_app(Settings(models_dir=tmp_path)).state.context.metrics.registry.collect()
    exported = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in families
        if family.name.startswith("issrnn_")
    } | {"issrnn_workers"}  # only with several
    assert set(re.findall(r"issrnn_\w+", OPERATING)) == exported


def test_every_alert_is_explained() -> None:
    groups = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"]
    explained = re.findall(r"^\| `([A-Z]\w+)` \|", OPERATING.partition("## Alerts")[2], re.M)
    assert explained == [rule["alert"] for group in groups for rule in group["rules"]]


def rows(record: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((DOCS / "records" / record).read_text())["rows"]
    return found


def test_the_comparison_with_a_plain_endpoint_follows_from_the_record() -> None:
    served = {
        "ptb-lstm-large-dense-plain-torch-fp32": ("dense", "plain endpoint, torch"),
        "ptb-lstm-large-dense-plain-onnxruntime-fp32": ("dense", "plain endpoint, onnxruntime"),
        "ptb-lstm-large-dense-plain-locked": (
            "dense",
            "plain endpoint, onnxruntime, one at a time",
        ),
        "ptb-lstm-large-dense": ("dense", "the service"),
        "ptb-lstm-large-iss": ("ISS", "the service"),
    }
    measured = rows("load-plain.json")
    whole = (DOCS / "measurements.md").read_text(encoding="utf-8")
    section = whole.partition("### Against a plain endpoint")[2].partition("\n### ")[0]
    section = " ".join(section.split())
    for row in measured:
        figures = [shown(row[name]) for name in ("throughput", "p50_ms", "p95_ms")]
        cells = [f"{row['load']:g}", *served[row["variant"]], str(row["requests"]), *figures]
        assert f"| {' | '.join(cells)} |" in section
    answers = {(row["variant"], row["load"]): row["throughput"] for row in measured}
    torch, plain, locked, dense, iss = (answers[name, 16] for name in served)
    assert f"batches give {dense / plain:.1f} times the answers" in section
    assert f"and {dense / locked:.1f} times those of one request at a time" in section
    assert f"gives {dense / torch:.1f} times the answers" in section
    assert f"with the ISS network {iss / torch:.0f} times" in section
    alone, _, _, served_alone, iss_alone = (answers[name, 1] for name in served)
    ratios = f"{served_alone / alone:.1f} and {iss_alone / alone:.0f} times"
    assert f"with one user {ratios}" in section
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"the service gives {dense / locked:.1f} times the answers" in readme
    assert f"{dense / torch:.1f} times those of a `def` that calls torch" in readme
    assert f"with the network after ISS {iss / torch:.0f} times" in readme


def shown(value: float) -> str:
    """To three digits."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def test_the_example_of_capacity_follows_from_the_record() -> None:
    measured = {
        (row["load"], row["variant"].rpartition("-")[2]): row
        for row in rows("load-small.json")
        if row["loop"] == "open"
    }
    loads = sorted({load for load, _ in measured})
    for load in loads:
        cells = [f"{load:g}"]
        for row in (measured[load, "dense"], measured[load, "iss"]):
            cells += [f"{row['p95_ms']:.1f}", f"{row['service_cpu']:.2f}"]
        assert f"| {' | '.join(cells)} |" in OPERATING

    def carried(variant: str) -> int:
        quick = takewhile(lambda load: measured[load, variant]["p95_ms"] <= 25, loads)
        return int(max(quick))

    dense, iss = carried("dense"), carried("iss")
    assert f"**{dense}** for dense, **{iss}** for ISS" in OPERATING
    assert f"1,000 / {dense} = {1000 / dense:.1f}, so {math.ceil(1000 / dense)} cores" in OPERATING
    assert f"1,000 / {iss} = {1000 / iss:.1f}, so {math.ceil(1000 / iss)} of ISS" in OPERATING


def test_the_counts_of_changes_under_load_are_the_recorded_ones() -> None:
    measurements = (DOCS / "measurements.md").read_text(encoding="utf-8")
    for row in rows("changes.json"):
        counts = [row[name] for name in ("change", "times", "answered", "refused", "failed")]
        assert f"| {' | '.join(map(str, counts))} | {row['longest_ms']:.0f} |" in measurements


def test_the_rooms_and_what_they_may_import_are_as_the_layout_test_says() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    table = dict(re.findall(r"^\| `(\w+)/` \| .+ \| (\S.*) \|$", text, re.M))
    expected = {
        room: ", ".join(f"`{name}`" for name in sorted(others - {room})) or "-"
        for room, others in MAY_IMPORT.items()
    }
    assert table == expected


@pytest.mark.parametrize("page", ["architecture.md", "security.md"])
def test_files_that_are_named_exist(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    for name in re.findall(r"`([\w/]+(?:\.(?:py|md|yml)|/))`", text):
        assert (ROOT / name).exists() or (ROOT / "service" / name).exists(), name


def test_the_picture_names_files_that_exist_and_asks_no_other_host() -> None:
    picture = (DOCS / "images" / "way-of-a-request.svg").read_text(encoding="utf-8")
    for name in re.findall(r"\w+\.py", picture):
        assert (ROOT / "service" / name).is_file(), name
    assert re.findall(r"https?://[^\s\"]+", picture) == ["http://www.w3.org/2000/svg"]
    assert "prefers-color-scheme: dark" in picture
