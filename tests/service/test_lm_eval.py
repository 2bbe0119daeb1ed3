"""EleutherAI's lm-evaluation-harness, unmodified, gets the log-probabilities that `/score` gives.

Runs where its command is on the PATH, from whatever environment (``docs/service.md``); it is 1.6 GB
with its dependencies, so that it is none of this project's.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from service.settings import Settings
from tests.service.running import running_service

pytestmark = pytest.mark.skipif(not shutil.which("lm_eval"), reason="lm_eval is not installed")

SENTENCES = [
    "the stock market fell in the u.s.",
    "mr. smith said it is n't",
    "they rose N years",
    "unheard-of words fell",
]

TASK = """
task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: {output_type}
doc_to_text: "{context}"
doc_to_target: "{target} <eos>"
metric_list: [{{metric: {metric}}}]
"""


def write_tasks(folder: Path) -> list[str]:
    data = folder / "sentences.jsonl"
    documents = [
        {"start": sentence.split()[0], "rest": " ".join(sentence.split()[1:]), "text": sentence}
        for sentence in SENTENCES
    ]
    data.write_text("\n".join(map(json.dumps, documents)))
    plain = {"output_type": "loglikelihood", "context": "", "target": "{{text}}"}
    tasks = {
        "whole": plain,
        "rest": plain | {"context": "{{start}}", "target": " {{rest}}"},
        "rolling": plain | {"output_type": "loglikelihood_rolling"},
    }
    for name, task in tasks.items():
        metric = "word_perplexity" if name == "rolling" else "acc"
        text = TASK.format(name=name, data=data, metric=metric, **task)
        (folder / f"{name}.yaml").write_text(text)
    return list(tasks)


def run_lm_eval(client: httpx.Client, folder: Path, tokenizer: Path, *, tokenized: bool) -> None:
    arguments = {
        "model": tokenizer.name,
        "base_url": f"{client.base_url}/v1/completions",
        "tokenizer": tokenizer,
        "tokenized_requests": tokenized,
        "num_concurrent": 1,
    }
    result = subprocess.run(
        [
            "lm_eval", "run", "--model", "local-completions",
            "--model_args", ",".join(f"{name}={value}" for name, value in arguments.items()),
            "--include_path", folder, "--tasks", ",".join(write_tasks(folder)),
            "--log_samples", "--output_path", folder / "out",
        ],
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hf")},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr


def log_likelihoods(folder: Path, task: str) -> list[float]:
    """What lm_eval got for each sentence, in the order of the data."""
    [path] = (folder / "out").rglob(f"samples_{task}_*.jsonl")
    samples = sorted(
        map(json.loads, path.read_text().splitlines()), key=lambda each: each["doc_id"]
    )
    responses = [sample["resps"][0][0] for sample in samples]
    return [float(each[0] if isinstance(each, list) else each) for each in responses]


@pytest.mark.parametrize("tokenized", [True, False])
def test_its_log_likelihoods_are_those_of_score(
    settings_for: Callable[..., Settings], models_dir: Path, tmp_path: Path, tokenized: bool
) -> None:
    with running_service(settings_for()) as client:
        run_lm_eval(client, tmp_path, models_dir / "tiny-dense", tokenized=tokenized)
        request = {"texts": SENTENCES, "pretokenized": True}
        scores = client.post("/score", json=request).json()["scores"]
    whole = [score["log_prob"] for score in scores]
    assert log_likelihoods(tmp_path, "whole") == pytest.approx(whole, abs=1e-3)
    assert log_likelihoods(tmp_path, "rolling") == pytest.approx(whole, abs=1e-3)
    rest = [sum(token["log_prob"] for token in score["tokens"][1:]) for score in scores]
    assert log_likelihoods(tmp_path, "rest") == pytest.approx(rest, abs=1e-3)
