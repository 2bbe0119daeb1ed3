import pytest

from loadtests.http import HttpError, get_json, get_models
from tests.loadtests.fake_service import fake_service


def test_the_models_of_a_service_are_described() -> None:
    with fake_service(("tiny-dense",), readers=("qa-iss",)) as (host, _):
        assert get_models(host) == [
            {"name": "tiny-dense", "task": "score", "variant": "dense"},
            {"name": "qa-iss", "task": "answer", "variant": "iss"},
        ]


def test_an_address_without_a_service_is_named() -> None:
    with fake_service() as (host, _):
        pass
    with pytest.raises(HttpError, match=f"{host}/models: "):
        get_models(host)


def test_another_kind_of_service_is_told_apart() -> None:
    with fake_service() as (host, _), pytest.raises(HttpError, match="nothing answers 404"):
        get_json(f"{host}/nothing")
    with (
        fake_service() as (host, _),
        pytest.raises(HttpError, match=r"fails answers 503, not ready: loading$"),
    ):
        get_json(f"{host}/fails")
    # the part after # is not sent: /models gets another document's answer
    with fake_service() as (host, _), pytest.raises(HttpError, match="not hold a list of models"):
        get_models(f"{host}/health/ready#")


def test_only_http_is_spoken() -> None:
    with pytest.raises(HttpError, match="ftp://here is not an http:// or https:// address"):
        get_json("ftp://here")
