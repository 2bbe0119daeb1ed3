"""Checks the Kubernetes manifests against the published schemas; needs no cluster.

``python deploy/check_kubernetes.py``

Builds every overlay of ``deploy/kubernetes`` with ``kubectl kustomize`` or ``kustomize build`` and
checks each object strictly (no unknown field) against the published schemas of the oldest and the
newest Kubernetes named here, which the package kubernetes-validate carries; objects of the
Prometheus operator and of KubeRay against ``deploy/kubernetes/schemas``, with their pod templates
as pods. Where neither tool is installed, the files are checked one by one, without the overlays'
patches, and the last line says so. Exits with 1 and a line for each fault.

``--write`` first copies the alert rules into the manifest that the Prometheus operator reads.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # has no type hints
import kubernetes_validate  # type: ignore[import-untyped]  # has no type hints
import yaml

__all__ = ["build", "faults", "main", "overlays", "prometheus_rule", "sources"]

DEPLOY = Path(__file__).parent
KUBERNETES = DEPLOY / "kubernetes"
RULE_FILE = KUBERNETES / "components" / "monitoring" / "prometheus-rule.yaml"
RAY_SERVICE_FILE = DEPLOY / "ray" / "ray-service.yaml"
VERSIONS = ("1.30", "1.37")
"""Kubernetes' minor versions to check against; between them fields are only added."""
OTHERS = ("monitoring.coreos.com/", "ray.io/")
"""API groups of `KUBERNETES` / schemas."""

Manifest = dict[str, Any]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true", help="copy the alert rules first")
    if parser.parse_args(arguments).write:
        RULE_FILE.write_text(prometheus_rule(), encoding="utf-8")
    tool = next((name for name in ("kubectl", "kustomize") if shutil.which(name)), None)
    found: list[str] = []
    checked = 0
    for origin, manifest in _built(tool) if tool else _sources():
        checked += 1
        found += [f"{origin}: {fault}" for fault in faults(manifest)]
    if RULE_FILE.read_text(encoding="utf-8") != prometheus_rule():
        found.append(f"{RULE_FILE.name} is not what {sys.argv[0]} --write makes of the alert rules")
    if not _same_as_serve_config():
        found.append(f"{RAY_SERVICE_FILE.name}: serveConfigV2 is not what serve.yaml says")
    sys.stdout.writelines(f"{fault}\n" for fault in found)
    how = f"built with {tool}" if tool else "not built: neither kubectl nor kustomize is installed"
    sys.stdout.write(
        f"{checked} objects checked against Kubernetes {' and '.join(VERSIONS)}, {how}\n"
    )
    return 1 if found else 0


def overlays() -> list[Path]:
    """The folders that are installed."""
    return sorted(path for path in (KUBERNETES / "overlays").iterdir() if path.is_dir())


def build(folder: Path) -> list[Manifest]:
    """The objects of an overlay, as the cluster would get them.

    Raises:
        FileNotFoundError: If neither kubectl nor kustomize is installed.
        RuntimeError: If it cannot be built.
    """
    if kubectl := shutil.which("kubectl"):
        command = [kubectl, "kustomize", str(folder)]
    elif kustomize := shutil.which("kustomize"):
        command = [kustomize, "build", str(folder)]
    else:
        raise FileNotFoundError("neither kubectl nor kustomize is installed")
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - fixed
    if done.returncode:
        raise RuntimeError(f"{folder.name} cannot be built: {done.stderr.strip()}")
    return _documents(done.stdout)


def sources() -> list[Path]:
    """The files of whole objects; kustomizations and patches are none."""
    files = sorted([*KUBERNETES.glob("base/*.yaml"), *KUBERNETES.glob("*/*/*.yaml")])
    patches = {
        path.parent / patch["path"]
        for path in files
        if path.name == "kustomization.yaml"
        for patch in yaml.safe_load(path.read_text(encoding="utf-8")).get("patches", [])
    }
    return [path for path in files if path.name != "kustomization.yaml" and path not in patches]


def faults(manifest: Manifest) -> list[str]:
    """What is wrong with an object; empty if nothing is."""
    name = f"{manifest.get('kind')} {manifest.get('metadata', {}).get('name')}"
    if str(manifest.get("apiVersion", "")).startswith(OTHERS):
        schema = json.loads(
            (KUBERNETES / "schemas" / f"{str(manifest['kind']).lower()}.json").read_text("utf-8")
        )
        errors = jsonschema.Draft202012Validator(schema).iter_errors(manifest)
        found = [f"{name}: {error.json_path}: {error.message}" for error in errors]
        return found + [fault for pod in _pods(manifest) for fault in faults(pod)]
    found = []
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except jsonschema.ValidationError as error:
            found.append(f"{name}: Kubernetes {version}: {error.json_path}: {error.message}")
        except kubernetes_validate.SchemaNotFoundError as error:
            found.append(f"{name}: {error.message}")
    return found


def prometheus_rule() -> str:
    """The alert rules as an object of the Prometheus operator."""
    rules = (DEPLOY / "prometheus" / "alerts.yml").read_text(encoding="utf-8")
    indented = "".join(f"  {line}".rstrip() + "\n" for line in rules.splitlines())
    return (
        "# deploy/prometheus/alerts.yml for the Prometheus operator, made by:\n"
        "#   python deploy/check_kubernetes.py --write\n"
        "apiVersion: monitoring.coreos.com/v1\n"
        "kind: PrometheusRule\n"
        "metadata:\n"
        "  name: issrnn\n"
        "spec:\n"
        f"{indented}"
    )


def _same_as_serve_config() -> bool:
    (manifest,) = _documents(RAY_SERVICE_FILE.read_text(encoding="utf-8"))
    serve = (RAY_SERVICE_FILE.parent / "serve.yaml").read_text(encoding="utf-8")
    return _documents(manifest["spec"]["serveConfigV2"]) == _documents(serve)


def _pods(manifest: Manifest) -> Iterator[Manifest]:
    """The pod templates in an object of KubeRay."""
    cluster = manifest.get("spec", {}).get("rayClusterConfig", {})
    groups = [cluster.get("headGroupSpec", {}), *cluster.get("workerGroupSpecs", [])]
    for group in groups:
        if "template" in group:
            yield {"apiVersion": "v1", "kind": "Pod", "metadata": {}} | group["template"]


def _built(tool: str) -> Iterator[tuple[str, Manifest]]:
    for folder in overlays():
        try:
            objects = build(folder)
        except RuntimeError as error:
            raise SystemExit(f"{tool}: {error}") from None
        for manifest in objects:
            yield folder.name, manifest
    yield from _of_files([RAY_SERVICE_FILE])


def _sources() -> Iterator[tuple[str, Manifest]]:
    yield from _of_files([*sources(), RAY_SERVICE_FILE])


def _of_files(paths: list[Path]) -> Iterator[tuple[str, Manifest]]:
    for path in paths:
        for manifest in _documents(path.read_text(encoding="utf-8")):
            yield str(path.relative_to(DEPLOY)), manifest


def _documents(text: str) -> list[Manifest]:
    return [document for document in yaml.safe_load_all(text) if document]


if __name__ == "__main__":
    sys.exit(main())
