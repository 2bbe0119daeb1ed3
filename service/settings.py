"""All settings of the service; nothing else reads the environment."""

from __future__ import annotations

import math
import os
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    PositiveInt,
    SecretStr,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.engines.base import EngineName
from service.schemas import TaskName

__all__ = ["ApiKey", "Settings", "Weights", "unknown_variables"]

Share = Annotated[FiniteFloat, Field(ge=0.0)]
Duration = Annotated[FiniteFloat, Field(ge=0.0)]


def _check_sum(weights: dict[str, float]) -> dict[str, float]:
    if weights and not 0.0 < sum(weights.values()) < math.inf:
        raise ValueError("the weights must add up to a finite number above 0")
    return weights


Weights = Annotated[dict[str, Share], AfterValidator(_check_sum)]
"""Shares of a task's traffic by model name; empty: an even split."""


KeyName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]


class ApiKey(BaseModel):
    """A key of the API, of which only the hash is known, and how often it may ask."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """Of the key, in hexadecimal digits, as sha256sum prints it."""
    requests_per_second: Annotated[FiniteFloat, Field(gt=1e-6)] | None = None
    """More are answered 429; None: any number."""
    burst: PositiveInt = 1
    """Requests that may come at once after a while without any."""


def _check_distinct(keys: dict[str, ApiKey]) -> dict[str, ApiKey]:
    if len({key.sha256 for key in keys.values()}) < len(keys):
        raise ValueError("two of them are the same key")
    return keys


def _check_list(models: Any) -> Any:
    if models is None:
        return None
    if not isinstance(models, list | tuple) or not models:
        raise ValueError('must be a JSON list of names, such as ["ptb-lstm-small-iss"]')
    if twice := [name for name, count in Counter(map(str, models)).items() if count > 1]:
        raise ValueError(f"names {', '.join(twice)} more than once")
    return models


def _check_token(token: SecretStr) -> SecretStr:
    secret = token.get_secret_value()
    if secret != secret.strip():
        raise ValueError("has white space at an end, which no header can carry")
    return token


class Settings(BaseSettings):
    """Read from ``ISSRNN_<FIELD>``; structured fields are JSON, e.g. ``ISSRNN_ENGINES='{...}'``.

    What stands below a field is its description, in docs/operating.md too.
    """

    model_config = SettingsConfigDict(
        env_prefix="ISSRNN_",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    host: Annotated[str, Field(validation_alias=AliasChoices("HOST", "ISSRNN_HOST"))] = "127.0.0.1"
    """Address to listen on; also ``HOST`` without the prefix, which counts more."""
    port: Annotated[
        int, Field(ge=0, le=65535, validation_alias=AliasChoices("PORT", "ISSRNN_PORT"))
    ] = 8000
    """Port to listen on; also ``PORT`` without the prefix, which counts more. 0: any free one."""

    workers: PositiveInt = 1
    """Processes, each with all models and with queues of its own; they share the cores. See
    [deploy.md](deploy.md#several-workers-on-one-machine)."""

    models_dir: Path = Path("models")
    """Folder of artifact folders."""
    models: Annotated[tuple[str, ...] | None, BeforeValidator(_check_list)] = None
    """Names of the models to serve, e.g. ``["ptb-lstm-small-iss"]``; none: all of the folder."""
    engine: EngineName = "onnxruntime-fp32"
    """Engine of every model that ``ENGINES`` does not name; see
    [service.md](service.md#how-a-request-is-computed)."""
    engines: dict[str, EngineName] = {}
    """Engine by model, e.g. ``{"ptb-lstm-small-iss": "onnxruntime-int8"}``."""
    split: dict[TaskName, Weights] = {}
    """Traffic weights by task and model, e.g. ``{"score": {"ptb-lstm-small-dense": 9,
    "ptb-lstm-small-iss": 1}}``; a task that is not named is split as a file ``split.json`` in
    ``MODELS_DIR`` says, in the same form, or else evenly, as one with ``{}`` is."""
    shadow: dict[TaskName, str] = {}
    """By task, a model that also answers every request to the task's endpoint, off its path, e.g.
    ``{"score": "ptb-lstm-small-iss"}``; not those to ``/compare`` or ``/v1/completions``."""

    threads: PositiveInt | None = None
    """Threads of one model; none: the cores shared out evenly, at least one each."""
    pin_threads: bool = True
    """Bind each model's threads to cores of its own; not where the models want more cores than
    there are, and not under a quota, which names no cores."""
    max_batch: PositiveInt = 16
    """Chunks of texts, or windows of contexts, computed together at most."""
    max_batch_tokens: PositiveInt = 1024
    """Steps or words computed together at most, padding included; one longer item goes alone. More
    are not faster, and let others wait."""
    max_wait_ms: Duration = 0.0
    """How long work may wait for company while the engine is idle, in milliseconds; never more than
    half of the time to its deadline."""
    chunk_steps: PositiveInt = 64
    """Words of one chunk of a text to score or classify: a long one lets others in between them."""
    max_queued_requests: PositiveInt = 256
    """Requests in one model's queue; more are answered 429."""
    max_queued_tokens: PositiveInt = 400_000
    """Tokens in one model's queue; one larger request is let into an empty queue."""
    deadline_seconds: Annotated[FiniteFloat, Field(gt=0)] = 600.0
    """A request not computed by then is answered 504; ``X-Deadline-Ms`` can lower it."""
    shadow_queue: PositiveInt = 32
    """Requests that may wait for the shadow; more are not shadowed."""

    max_body_bytes: PositiveInt = 2 * 1024 * 1024
    """Larger bodies are answered 413."""
    max_texts: PositiveInt = 8192
    """Texts or prompts in one request; more are answered 413."""
    max_text_chars: PositiveInt = 1024 * 1024
    """Characters of one text or prompt; more are answered 413."""
    max_question_chars: PositiveInt = 2000
    """Characters of a question; more are answered 413."""
    max_question_words: PositiveInt = 100
    """Words of a question; each is compared with every word of the context."""
    max_context_chars: PositiveInt = 1024 * 1024
    """Characters of a context; more are answered 413."""
    max_context_words: PositiveInt = 200_000
    """Words of a context; they take memory, several hundred bytes each."""
    max_top_k: PositiveInt = 50
    """Largest ``top_k``; a larger one is answered 422."""

    admin_token: Annotated[SecretStr, AfterValidator(_check_token)] | None = None
    """Bearer token of the admin routes; none: they do not exist."""
    api_keys: Annotated[dict[KeyName, ApiKey], AfterValidator(_check_distinct)] = {}
    """Keys by name, e.g. ``{"team-a": {"sha256": "...", "requests_per_second": 20, "burst": 40}}``;
    without any, no route needs one. See [service.md](service.md#api-keys)."""
    metrics_need_key: bool = False
    """Whether ``/metrics`` needs a key too, where there are any; health and the page never do."""
    drain_seconds: Duration = 1.0
    """After SIGTERM: seconds for which readiness says 503 while requests are still accepted."""
    shutdown_seconds: PositiveInt = 60
    """After that: seconds that work in progress may take to finish."""
    tracing: bool = False
    """Send spans of every request to an OpenTelemetry collector; needs the extra ``tracing``. See
    [deploy.md](deploy.md#traces)."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged: ``debug`` (also health and metrics requests), ``info``, ``warning``
    or ``error``; what an operator changes always is."""

    def engine_of(self, name: str) -> EngineName:
        """The engine that is to serve a model."""
        return self.engines.get(name, self.engine)


def unknown_variables() -> list[str]:
    """Environment variables that look like settings of the service and are none: misspelt ones."""
    of_training = {"ISSRNN_DATA", "ISSRNN_RUNS"}
    known = {f"ISSRNN_{name.upper()}" for name in Settings.model_fields} | of_training
    return sorted(
        name for name in os.environ if name.startswith("ISSRNN_") and name.upper() not in known
    )
