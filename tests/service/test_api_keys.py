"""API keys: who may ask, how often, and that nobody sees the keys."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator

import httpx
import pytest
from huggingface_hub import InferenceClient
from pydantic import ValidationError

from service.settings import Settings
from tests.service.problems import problem
from tests.service.running import running_service

KEYS = {"team-a": "key-of-team-a", "team-b": "key-of-team-b"}
TOKEN = "s3cret"  # noqa: S105 - a test's
SCORE = {"texts": ["the stock fell"]}


def sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def api_keys(**limits: float) -> dict[str, dict[str, str | float]]:
    """Both keys; the limits are those of the second."""
    return {
        "team-a": {"sha256": sha256(KEYS["team-a"])},
        "team-b": {"sha256": sha256(KEYS["team-b"]), **limits},
    }


@pytest.fixture(scope="module")
def keyed(models_dir: object) -> Iterator[httpx.Client]:
    settings = Settings.model_validate(
        {
            "models_dir": models_dir, "port": 0, "pin_threads": False, "admin_token": TOKEN,
            "split": {"score": {"tiny-dense": 1}},
            "api_keys": api_keys(requests_per_second=0.01, burst=2),
        }
    )  # fmt: skip
    with running_service(settings) as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": KEYS["team-a"]},
        bearer(KEYS["team-a"]),
        {"Authorization": f"bearer  {KEYS['team-a']}"},
        bearer(TOKEN),
        bearer("unknown") | {"X-API-Key": KEYS["team-a"]},
    ],
)
def test_a_key_is_taken_from_either_header(keyed: httpx.Client, headers: dict[str, str]) -> None:
    assert keyed.post("/score", json=SCORE, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Basic dGVhbS1h"}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"X-API-Key": ""}, 401),
        (bearer("key-of-nobody"), 403),
        ({"X-API-Key": sha256(KEYS["team-a"])}, 403),
        ({"X-API-Key": "schlüssel"}, 403),
    ],
)
def test_without_a_known_key_nothing_is_answered(
    keyed: httpx.Client, headers: dict[str, str], status: int
) -> None:
    encoded = {name: value.encode() for name, value in headers.items()}
    response = keyed.post("/score", json=SCORE, headers=encoded)  # type: ignore[arg-type]
    problem(response, status)
    assert ("WWW-Authenticate" in response.headers) is (status == 401)


def test_a_key_is_asked_for_before_the_body_is_read(keyed: httpx.Client) -> None:
    broken = {"Content-Type": "application/json"}
    for _ in range(2):  # on one connection
        refused = keyed.post("/score", content=b"[" * 500_000, headers=broken)
        assert refused.status_code == 401
    assert keyed.get("/health/live").status_code == 200


def test_what_needs_no_key(keyed: httpx.Client) -> None:
    """The page, the API's description and what a machine watches; all else does."""
    for path in ("/", "/page/app.js", "/docs", "/openapi.json", "/metrics",
                 "/health/live", "/health/ready"):  # fmt: skip
        assert keyed.get(path).status_code == 200, path
    document = keyed.get("/openapi.json").json()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            refused = keyed.request(method, path.format(name="tiny-dense", task="score"))
            open_to_all = path in ("/health/live", "/health/ready", "/metrics")
            assert (refused.status_code == 401) is not open_to_all, path
            assert ("security" in operation) is not open_to_all, path


def test_the_documents_security_is_known(keyed: httpx.Client, client: httpx.Client) -> None:
    document = keyed.get("/openapi.json").json()
    assert document["paths"]["/score"]["post"]["security"] == [{"ApiKey": []}]
    assert set(document["components"]["securitySchemes"]) == {"ApiKey", "HTTPBearer"}
    assert {"401", "403", "429"} <= set(document["paths"]["/score"]["post"]["responses"])
    assert "security" not in client.get("/openapi.json").json()["paths"]["/score"]["post"]


def test_a_key_may_ask_as_often_as_it_may(keyed: httpx.Client) -> None:
    answers = [keyed.post("/score", json=SCORE, headers=bearer(KEYS["team-b"])) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    refused = problem(answers[-1], 429)
    assert 90 <= int(answers[-1].headers["Retry-After"]) <= 100
    assert "'team-b' may ask 0.01 times a second" in refused["detail"]
    other = keyed.post("/score", json=SCORE, headers=bearer(KEYS["team-a"]))
    assert other.status_code == 200


def test_requests_and_refusals_are_counted_by_key(settings_for: Callable[..., Settings]) -> None:
    settings = settings_for(api_keys=api_keys(requests_per_second=0.01))
    with running_service(settings) as client:
        for key in (KEYS["team-a"], KEYS["team-b"], KEYS["team-b"], "other", "another"):
            client.get("/models", headers=bearer(key))
        client.get("/models")
        text = client.get("/metrics").text
    counted = {
        line.rpartition(" ")[0].partition("{")[2]: float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if line.startswith("issrnn_key_requests_total{")
    }
    assert counted == {
        'key="team-a",outcome="accepted"}': 1,
        'key="team-b",outcome="accepted"}': 1,
        'key="team-b",outcome="limited"}': 1,
        'key="",outcome="unknown"}': 2,
        'key="",outcome="missing"}': 1,
    }


def test_metrics_may_need_a_key_too(settings_for: Callable[..., Settings]) -> None:
    with running_service(settings_for(api_keys=api_keys(), metrics_need_key=True)) as client:
        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", headers=bearer(KEYS["team-a"])).status_code == 200
        assert client.get("/health/ready").status_code == 200
        paths = client.get("/openapi.json").json()["paths"]
    assert "security" in paths["/metrics"]["get"]
    assert "security" not in paths["/health/ready"]["get"]


def test_the_log_names_the_key_and_never_holds_it(
    keyed: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    split = {"weights": {"tiny-dense": 2}, "shadow": None}
    headers = bearer(TOKEN) | {"X-API-Key": KEYS["team-a"]}
    assert keyed.put("/split/score", json=split, headers=headers).status_code == 200
    keyed.get("/models", headers=bearer("key-of-nobody"))
    told = [vars(record) for record in caplog.records if record.name.startswith("service.")]
    assert [each["key"] for each in told if each.get("path") == "/split/score"] == ["team-a"]
    assert [each["by"] for each in told if each["name"] == "service.audit"] == ["key team-a"]
    written = json.dumps(told, default=str)
    for secret in (*KEYS.values(), "key-of-nobody", TOKEN, *map(sha256, KEYS.values())):
        assert secret not in written


def test_admin_routes_need_the_token_whatever_the_key(keyed: httpx.Client) -> None:
    with_key = keyed.post("/models/tiny-dense/reload", headers=bearer(KEYS["team-a"]))
    assert with_key.status_code == 403
    assert keyed.post("/models/tiny-dense/reload", headers=bearer(TOKEN)).status_code == 200


def test_clients_of_other_apis_can_use_a_key(readers_dir: object) -> None:
    settings = Settings.model_validate(
        {"models_dir": readers_dir, "port": 0, "pin_threads": False, "api_keys": api_keys()}
    )
    with running_service(settings) as client:
        address = f"{client.base_url}/hf/question-answering"
        for key, right in ((KEYS["team-a"], True), ("wrong", False)):
            asked = InferenceClient(model=address, token=key)
            if right:
                question = "When did it open?"
                assert asked.question_answering(question=question, context="It opened in 1883.")
            completion = client.post(
                "/v1/completions", json={"prompt": "the", "max_tokens": 1}, headers=bearer(key)
            )
            assert completion.status_code == (200 if right else 403)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"team-a": {"sha256": "key-of-team-a"}}, "should match pattern"),
        ({"Team A": {"sha256": "0" * 64}}, "should match pattern"),
        ({"a": {"sha256": "0" * 64}, "b": {"sha256": "0" * 64}}, "two of them are the same key"),
        ({"a": {"sha256": "0" * 64, "requests_per_second": 0}}, "greater than 0"),
        ({"a": {"sha256": "0" * 64, "key": "plain"}}, "not permitted"),
    ],
)
def test_wrong_keys_are_refused(keys: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Settings.model_validate({"api_keys": keys})
