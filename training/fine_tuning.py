"""Where fine-tuning starts from: a finished run, or the artifact that was made of one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from issrnn import artifact
from training.errors import RunError
from training.experiment import Experiment, Paths, architecture_of
from training.run_folder import RunFolder
from training.subject import open_artifact, open_run

__all__ = ["Start", "load_start"]


@dataclass(frozen=True, eq=False)
class Start:
    """Trained weights to go on from."""

    weights: dict[str, Tensor]
    source: dict[str, str]
    """Of which run or artifact they are, for the record."""


def load_start(experiment: Experiment[Any], runs: Path, models: Path, paths: Paths) -> Start | None:
    """The best weights of the run that a config starts from, or else those of its artifact.

    An artifact's weights are rounded to the numbers it stores.

    Args:
        experiment: Of the run that is to start.
        runs: Where finished runs are.
        models: Where artifacts are.
        paths: Of the data.

    Returns:
        None if the config starts from random weights.

    Raises:
        RunError: If there is neither, or it is of another network or of other data.
    """
    name = experiment.config.start_from
    if name is None:
        return None
    run, exported = RunFolder(runs / name), models / name
    if run.record_file.exists():
        subject = open_run(run, paths, "best")
        experiment.check_same_tokens(subject.experiment.tokens, run.path)
        where, network = run.path, subject.model
        with run.best.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        created = run.read_record()["created"]
        source = {"kind": "run", "created": created, "stored_as": "float32", "sha256": sha256}
    elif exported.exists():
        where, network = exported, open_artifact(exported, experiment)
        card = artifact.read_card(exported)
        source = {
            "kind": "artifact",
            "created": card.provenance.created,
            "stored_as": card.weights_dtype,
            "sha256": card.sha256[artifact.WEIGHTS_FILE],
        }
    else:
        raise RunError(
            f"fine-tuning starts from {name}, but {runs} has no finished run and {models} no "
            f"artifact of this name: python -m training run {name}"
        )
    _check_architecture(experiment, network, where)
    return Start(network.state_dict(), {"name": name, **source})


def _check_architecture(experiment: Experiment[Any], network: Any, where: Path) -> None:
    found, wanted = (
        architecture.model_dump()
        for architecture in (architecture_of(network), experiment.dense_architecture())
    )
    if differences := [
        f"{field} {value} (config: {wanted.get(field)})"
        for field, value in found.items()
        if value != wanted.get(field)
    ]:
        raise RunError(f"{where} has {', '.join(differences)}: nothing to fine-tune from")
