"""The dashboard and the alerts ask for what the service exports."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from deploy.check_monitoring import FAMILY
from service.settings import Settings
from tests.artifacts import make_artifact, make_classifier, make_reader
from tests.service.running import running_service

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "variants.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
ALERTS = [
    rule["expr"]
    for group in yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
OWN = {"up"}
"""Metrics that Prometheus makes itself."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("models")
    make_artifact(folder / "tiny-dense", seed=1)
    make_artifact(folder / "tiny-iss", seed=2, hidden_sizes=(4, 3), variant="iss")
    make_reader(folder / "reader-dense", seed=3)
    make_classifier(folder / "mood-dense", seed=4)
    settings = Settings(models_dir=folder, port=0, pin_threads=False, shadow={"score": "tiny-iss"})
    with running_service(settings) as client:
        client.post("/score", json={"texts": ["The stock rose."], "model": "tiny-dense"})
        question = {"question": "What rose?", "context": "The stock rose."}
        client.post("/answer", json=question | {"model": "reader-dense"})
        client.post("/classify", json={"texts": ["The stock rose."], "model": "mood-dense"})
        yield client


def metric_names(query: str) -> set[str]:
    return set(re.findall(r"\b((?:issrnn|process)_\w+|up)\b", query))


def label_names(query: str) -> dict[str, set[str]]:
    selectors = re.findall(r"\b(issrnn_\w+)\{([^}]*)\}", query)
    return {metric: set(re.findall(r"(\w+)(?:=|!=)", labels)) for metric, labels in selectors}


@pytest.mark.parametrize("query", [*QUERIES, *ALERTS])
def test_queries_ask_for_metrics_and_labels_that_are_exported(
    client: httpx.Client, query: str
) -> None:
    text = client.get("/metrics").text
    families = list(text_string_to_metric_families(text))
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
    exported = {
        family.name + suffix for family in families for suffix in suffixes.get(family.type, ("",))
    }
    assert metric_names(query)
    assert metric_names(query) <= exported | OWN

    labels = {s.name: set(s.labels) for family in families for s in family.samples}
    for metric, names in label_names(query).items():
        if metric in labels:
            assert names <= labels[metric], metric


def test_the_dashboard_shows_what_is_needed_to_compare_variants() -> None:
    shown = " ".join(QUERIES)
    for metric in (
        "issrnn_requests_total", "issrnn_request_seconds_bucket", "issrnn_queue_seconds_bucket",
        "issrnn_compute_seconds_bucket", "issrnn_batch_size_bucket", "issrnn_queued_requests",
        "issrnn_shed_total", "issrnn_scored_tokens_total",
    ):  # fmt: skip
        assert metric in shown
    for percentile in ("0.5", "0.95", "0.99"):
        assert f"histogram_quantile({percentile}, sum by (le, model) (rate(issrnn_request" in shown
    for metric in (
        "issrnn_answered_questions_total", "issrnn_answer_probability_total",
        "issrnn_classified_texts_total", "issrnn_label_probability_total",
    ):  # fmt: skip
        assert metric in shown


def test_dense_and_compressed_are_set_against_each_other() -> None:
    against = [query for query in QUERIES if 'variant="dense"' in query]
    assert len(against) == 4
    assert all('variant!="dense"' in query and '"family"' in query for query in against)


def test_panels_are_told_apart_explained_and_do_not_overlap() -> None:
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    cells = [
        (panel["gridPos"]["x"] + column, panel["gridPos"]["y"] + row)
        for panel in DASHBOARD["panels"]
        for column in range(panel["gridPos"]["w"])
        for row in range(panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(column for column, _ in cells) < 24
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]


def test_queries_use_only_variables_that_the_dashboard_defines() -> None:
    defined = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    used = {name for query in QUERIES for name in re.findall(r"\$([a-z_]\w*)", query)}
    assert used <= defined | {"__rate_interval"}


def test_a_real_prometheus_gets_data_for_every_query(client: httpx.Client, tmp_path: Path) -> None:
    command = [sys.executable, str(DEPLOY / "check_monitoring.py"), "--seconds", "5"]
    command += ["--record", str(tmp_path / "record.json")]
    done = subprocess.run(
        [*command, "--service", str(client.base_url).rstrip("/")],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    if done.returncode == 77:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(QUERIES)} of {len(QUERIES)} queries give data" in done.stdout
    assert f"{len(ALERTS)} of {len(ALERTS)} alert rules were evaluated" in done.stdout
    record = json.loads((tmp_path / "record.json").read_text())
    assert [each["query"] for each in record["queries"]] == QUERIES
    assert all(each["numbers"] for each in record["queries"])
    assert record["prometheus"].startswith("prometheus, version")
    assert {rule["health"] for rule in record["alerts"]} == {"ok"}


def test_a_service_that_is_not_there_is_named() -> None:
    done = subprocess.run(
        [sys.executable, str(DEPLOY / "check_monitoring.py"), "--service", "http://127.0.0.1:1"],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    if done.returncode == 77:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 1
    assert "http://127.0.0.1:1/models" in done.stderr
    assert "Traceback" not in done.stderr


def test_shipped_models_stand_beside_their_dense_one() -> None:
    families: dict[str, set[str]] = {}
    for path in sorted((DEPLOY.parent / "models").glob("*/config.json")):
        card = json.loads(path.read_text())
        match = FAMILY.fullmatch(card["name"])
        assert match, card["name"]
        families.setdefault(match[1], set()).add(card["variant"])
    assert all("dense" in variants and len(variants) > 1 for variants in families.values())
    comparing = [query for query in QUERIES if '"family"' in query]
    assert len(comparing) == 4
    assert all(query.count(f'"{FAMILY.pattern}"') == 2 for query in comparing)
