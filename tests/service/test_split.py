"""The traffic split and the shadow, changed while the service runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from service.logs import configure_logging
from service.routing import choose_variant, session_point
from service.settings import Settings
from tests.service.problems import first_error
from tests.service.running import running_service

TOKEN = "s3cret"  # noqa: S105 - a test's
ADMIN = {"Authorization": f"Bearer {TOKEN}"}
JSON = {"Content-Type": "application/json"}
DENSE = {"weights": {"tiny-dense": 1.0}, "shadow": None}


@pytest.fixture
def client(settings_for: Callable[..., Settings]) -> Iterator[httpx.Client]:
    settings = settings_for(models=None, admin_token=TOKEN, split={"score": {"tiny-dense": 1}})
    with running_service(settings) as client:
        yield client


def put(client: httpx.Client, body: Any, task: str = "score") -> httpx.Response:
    return client.put(f"/split/{task}", json=body, headers=ADMIN)


def answered_by(client: httpx.Client, session: str = "") -> str:
    headers = {"X-Session-ID": session} if session else {}
    response = client.post("/score", json={"texts": ["the stock fell"]}, headers=headers)
    assert response.status_code == 200
    return response.headers["X-Model"]


def test_the_settings_split_is_shown(client: httpx.Client) -> None:
    splits = client.get("/split", headers=ADMIN).json()["splits"]
    assert splits[0] == {"task": "score"} | DENSE
    assert {each["task"] for each in splits} == {"score", "answer", "classify"}


def test_a_new_split_holds_for_the_next_request(client: httpx.Client) -> None:
    assert {answered_by(client) for _ in range(5)} == {"tiny-dense"}
    response = put(client, {"weights": {"tiny-iss": 2}, "shadow": None})
    assert response.json() == {"task": "score", "weights": {"tiny-iss": 2}, "shadow": None}
    assert {answered_by(client) for _ in range(5)} == {"tiny-iss"}
    put(client, {"weights": {}, "shadow": None})  # even
    assert {answered_by(client) for _ in range(40)} == {"tiny-dense", "tiny-iss"}


def test_sessions_go_where_the_hash_says(client: httpx.Client) -> None:
    weights = {"tiny-dense": 1.0, "tiny-iss": 3.0}
    put(client, {"weights": weights, "shadow": None})
    for session in (f"user-{i}" for i in range(20)):
        expected = choose_variant(weights, session_point(session, "score"))
        assert answered_by(client, session) == answered_by(client, session) == expected


def test_the_shadow_changes_too(client: httpx.Client) -> None:
    assert put(client, DENSE | {"shadow": "tiny-iss"}).json()["shadow"] == "tiny-iss"
    answered_by(client)
    scored = 'issrnn_scored_tokens_total{endpoint="/score",model="tiny-iss",role="shadow"'
    assert any(scored in client.get("/metrics").text for _ in range(200))


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"weights": {"nope": 1}, "shadow": None}, "weights.nope"),
        ({"weights": {"tiny-dense": -1}, "shadow": None}, "weights.tiny-dense"),
        ({"weights": {"tiny-dense": 0}, "shadow": None}, "weights"),
        ({"weights": {"tiny-dense": 1e308, "tiny-iss": 1e308}, "shadow": None}, "weights"),
        (DENSE | {"shadow": "nope"}, "shadow"),
        ({"weights": {"tiny-dense": 1}}, "shadow"),
        ({"shadow": None}, "weights"),
        (DENSE | {"wieghts": {}}, "wieghts"),
    ],
)
def test_a_wrong_split_names_the_field_and_changes_nothing(
    client: httpx.Client, body: Any, path: str
) -> None:
    response = put(client, body)
    assert response.status_code == 422
    assert path in [error["path"] for error in response.json()["errors"]]
    assert client.get("/split", headers=ADMIN).json()["splits"][0]["weights"] == {"tiny-dense": 1}


def test_half_a_character_in_a_name_is_written_out(client: httpx.Client) -> None:
    body = '{"weights": {"\\ud800": 1}, "shadow": null}'
    response = client.put("/split/score", content=body, headers=ADMIN | JSON)
    assert first_error(response, 422)["path"] == "weights.\\ud800"


def test_a_model_of_another_task_is_refused(client: httpx.Client) -> None:
    response = put(client, DENSE, task="answer")
    assert response.status_code == 422
    assert response.json()["detail"] == "'tiny-dense' is a model for 'score', not 'answer'"
    assert put(client, DENSE, task="translate").json()["errors"][0]["path"] == "path task"


def test_a_change_leaves_an_audit_line(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "service.audit")
    response = put(client, {"weights": {"tiny-iss": 1}, "shadow": None})
    put(client, {"weights": {"nope": 1}, "shadow": None})
    [line] = [record for record in caplog.records if record.name == "service.audit"]
    told = vars(line)
    assert line.getMessage() == "split changed"
    assert told["by"] == "address 127.0.0.1"
    assert told["task"] == "score"
    assert told["before"] == DENSE
    assert told["after"] == {"weights": {"tiny-iss": 1.0}, "shadow": None}
    assert told["request_id"] == response.headers["X-Request-ID"]


def test_audit_lines_are_written_at_every_level(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    try:
        configure_logging("error")
        logging.getLogger("service.audit").info("split changed")
        logging.getLogger("service.requests").info("request")
    finally:
        root.handlers, root.level = handlers, level
    assert [line.count("split changed") for line in capsys.readouterr().err.splitlines()] == [1]


@pytest.mark.parametrize(("headers", "status"), [({}, 401), ({"Authorization": "Bearer no"}, 403)])
def test_the_split_needs_the_token(
    client: httpx.Client, headers: dict[str, str], status: int
) -> None:
    assert client.get("/split", headers=headers).status_code == status
    assert client.put("/split/score", json=DENSE, headers=headers).status_code == status
    assert client.delete("/models/tiny-iss", headers=headers).status_code == status


@pytest.mark.parametrize(("headers", "status"), [({}, 401), ({"Authorization": "Bearer no"}, 403)])
def test_without_the_token_no_body_is_read(
    client: httpx.Client, headers: dict[str, str], status: int
) -> None:
    typed = headers | {"Content-Type": "application/json"}
    assert client.put("/split/score", content="{bad", headers=typed).status_code == status


def test_a_token_may_have_any_letters(settings_for: Callable[..., Settings]) -> None:
    token = "clé-☃"  # noqa: S105 - a test's
    with running_service(settings_for(admin_token=token)) as client:
        headers = [(b"Authorization", f"Bearer {token}".encode())]
        assert client.get("/split", headers=headers).status_code == 200


def test_one_of_several_workers_refuses(settings_for: Callable[..., Settings]) -> None:
    settings = settings_for(models=None, admin_token=TOKEN, workers=2)
    with running_service(settings) as client:
        response = put(client, DENSE)
        assert response.status_code == 409
        assert "ISSRNN_SPLIT" in response.json()["detail"]
        assert client.delete("/models/tiny-iss", headers=ADMIN).status_code == 409


def test_readiness_asks_for_what_the_present_split_names(
    settings_for: Callable[..., Settings],
) -> None:
    settings = settings_for(
        models=None, admin_token=TOKEN, split={"score": {"tiny-dense": 1, "absent": 1}}
    )
    with running_service(settings) as client:
        assert "absent is not ready" in client.get("/health/ready").json()["detail"]
        assert put(client, DENSE).status_code == 200
        assert client.get("/health/ready").status_code == 200
