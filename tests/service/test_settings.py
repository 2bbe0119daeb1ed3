"""Settings from the environment, and what is said of wrong ones."""

from __future__ import annotations

import pytest

from service.__main__ import main
from service.settings import Settings, unknown_variables


def test_the_address_needs_no_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PORT", raising=False)
    monkeypatch.setenv("ISSRNN_PORT", "8001")
    assert Settings().port == 8001
    monkeypatch.setenv("PORT", "8002")
    monkeypatch.setenv("HOST", "::1")
    assert (Settings().host, Settings().port) == ("::1", 8002)
    assert Settings(port=8003).port == 8003


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PORT", "http", "PORT or ISSRNN_PORT: Input should be a valid integer"),
        ("ISSRNN_MAX_BATCH", "0", "ISSRNN_MAX_BATCH: Input should be greater than 0"),
        ("ISSRNN_ENGINES", '{"tiny-iss": "abacus"}', "ISSRNN_ENGINES.tiny-iss: Input should be"),
        ("ISSRNN_MODELS", "tiny-iss", "ISSRNN_MODELS: must be a JSON list of names"),
        ("ISSRNN_MODELS", "[]", "ISSRNN_MODELS: must be a JSON list of names"),
        ("ISSRNN_MODELS", '{"a": 1}', "ISSRNN_MODELS: must be a JSON list of names"),
        ("ISSRNN_MODELS", '["a", "b", "a"]', "ISSRNN_MODELS: names a more than once"),
        ("ISSRNN_ENGINES", "abacus", "ISSRNN_ENGINES: is not JSON: Expecting value"),
        ("ISSRNN_SPLIT", '{"foo": {}}', "ISSRNN_SPLIT.foo: Input should be"),
        ("ISSRNN_MAX_WAIT_MS", "inf", "ISSRNN_MAX_WAIT_MS: Input should be a finite number"),
        ("ISSRNN_DRAIN_SECONDS", "inf", "ISSRNN_DRAIN_SECONDS: Input should be a finite number"),
        ("ISSRNN_DEADLINE_SECONDS", "nan", "ISSRNN_DEADLINE_SECONDS: Input should be a finite"),
        ("ISSRNN_ADMIN_TOKEN", " secret", "ISSRNN_ADMIN_TOKEN: has white space at an end"),
        (
            "ISSRNN_API_KEYS",
            '{"a": {"sha256": "%s", "requests_per_second": 1e-320}}' % ("0" * 64),
            "ISSRNN_API_KEYS.a.requests_per_second: Input should be greater than",
        ),
        (
            "ISSRNN_SPLIT",
            '{"score": {"tiny-iss": 0}}',
            "ISSRNN_SPLIT.score: the weights must add up",
        ),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(
    name: str,
    value: str,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("PORT", raising=False)
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match="2"):
        main([])
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(message)


def test_a_misspelt_setting_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISSRNN_MAX_BATCH", "8")
    monkeypatch.setenv("ISSRNN_MAX_BACH", "8")
    monkeypatch.setenv("ISSRNN_RUNS", "training's own")
    assert unknown_variables() == ["ISSRNN_MAX_BACH"]


@pytest.mark.parametrize(("argument", "code"), [("--help", 0), ("--port", 2)])
def test_settings_are_no_arguments(
    argument: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match=str(code)):
        main([argument])
    output, errors = capsys.readouterr()
    assert (output if code == 0 else errors).startswith("usage: python -m service")
