"""The same search by Ray Tune: trials side by side on this machine or a Ray cluster.

A trial is a run folder here as well, so that every machine of a cluster has to see the folder of
the runs, and the data, under the same path. Ray's own files tell it which trials it has finished or
stopped; what is inside a trial, its checkpoint knows.
"""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler

from training.allocator import SETTINGS
from training.errors import Interrupted, RunError, reason
from training.experiment import Paths
from training.machine import set_threads
from training.run import RunOptions, resolve
from training.search.halving import Halving
from training.search.progress import quality_after
from training.search.space import Trial
from training.tasks import quality_of

__all__ = ["search_by_ray"]


class _TrialActor(tune.Trainable):  # type: ignore[misc]  # ray is optional, and untyped without it
    """One trial, an epoch a step; its methods run in the main thread of a process of Ray's."""

    def setup(
        self, config: dict[str, Any], trials: dict[str, Trial], where: RunOptions, threads: int
    ) -> None:
        set_threads(threads)
        self._trial = trials[config["trial"]]
        self._where = where

    def step(self) -> dict[str, Any]:
        """The next epoch; if the folder has it already, nothing is trained."""
        epochs = self.iteration + 1
        quality = quality_after(self._trial, self._where, epochs)
        return {"quality": quality, "done": epochs == self._trial.config.epochs}


def search_by_ray(
    trials: Sequence[Trial], where: RunOptions, rule: Halving, threads: int, address: str
) -> None:
    """Train trials side by side, stopping the worse ones by ASHA; goes on where it was stopped.

    Args:
        trials: At least one.
        where: As `quality_after` takes it.
        rule: Rungs of the scheduler.
        threads: CPUs of each trial.
        address: ``local`` for this machine alone, ``auto`` for the cluster this machine belongs to,
            or another address as `ray.init` takes it.

    Raises:
        RunError: If there is no such cluster, or trials failed.
        Interrupted: After SIGTERM or Ctrl-C.
    """
    where = _absolute(where)
    # Machines of a cluster may differ in what 'auto' means: a trial keeps what it means here.
    trials = [replace(trial, config=resolve(trial.config, where.device)) for trial in trials]
    try:
        ray.init(address=address, runtime_env={"env_vars": dict(SETTINGS)})
    except (ConnectionError, ValueError) as error:
        raise RunError(f"--ray {address}: {reason(error)}") from error
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))  # Ray's to handle
    try:
        results = _tuner(trials, where, rule, threads).fit()
    finally:
        ray.shutdown()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if results.num_errors:
        raise RunError(f"{results.num_errors} trials failed; the same command tries them again")
    if not all((result.metrics or {}).get("done") for result in results):  # Ray took the signal
        raise Interrupted(signal.SIGINT, "the search was stopped; the same command continues")


def _tuner(trials: Sequence[Trial], where: RunOptions, rule: Halving, threads: int) -> tune.Tuner:
    """That of an earlier search of the same trials by the same rule, or a new one."""
    epochs = max(trial.config.epochs for trial in trials)
    scheduler = None
    if len(rule.rungs(epochs)) > 1:
        scheduler = ASHAScheduler(
            max_t=epochs, grace_period=rule.grace, reduction_factor=rule.reduction
        )
    by_name = {trial.name: trial for trial in trials}
    actor = tune.with_resources(
        tune.with_parameters(_TrialActor, trials=by_name, where=where, threads=threads),
        {"cpu": threads, "gpu": int(where.device.type == "cuda")},
    )
    folder = where.runs / where.name
    same = repr((rule, [(trial.name, trial.config.to_document()) for trial in trials]))
    name = f"ray-{hashlib.sha256(same.encode()).hexdigest()[:8]}"
    if tune.Tuner.can_restore(str(folder / name)):
        return tune.Tuner.restore(str(folder / name), actor, restart_errored=True)
    return tune.Tuner(
        actor,
        param_space={"trial": tune.grid_search(list(by_name))},
        tune_config=tune.TuneConfig(
            metric="quality",
            mode="max" if quality_of(trials[0].config).higher_is_better else "min",
            scheduler=scheduler,
            trial_name_creator=_name,
            trial_dirname_creator=_name,
        ),
        run_config=tune.RunConfig(
            name=name,
            storage_path=str(folder),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        ),
    )


def _name(trial: Any) -> str:
    """A trial of Ray's is called as ours is."""
    return str(trial.config["trial"])


def _absolute(where: RunOptions) -> RunOptions:
    """The same places for processes that have another current directory."""
    vectors = where.paths.word_vectors
    paths = Paths(
        where.paths.data.resolve(),
        where.paths.cache.resolve(),
        vectors.resolve() if vectors is not None else None,
    )
    return replace(where, paths=paths, runs=where.runs.resolve(), models=where.models.resolve())
