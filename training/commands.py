"""What each command of the command line does with its parsed options."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from training.classification.imdb import fetch_imdb
from training.config import override
from training.connections import connections, plot_connections
from training.distributed import is_first, join_processes
from training.errors import ConfigError, RunError
from training.experiment import Paths
from training.export import export_run
from training.files import write_whole
from training.language_modelling.corpus import fetch_ptb
from training.machine import choose_device, set_threads
from training.presets import PRESETS, find_preset
from training.question_answering.squad import fetch_squad
from training.run import RunOptions, run
from training.run_folder import RunFolder
from training.search.halving import Halving, halve
from training.search.results import write_results
from training.search.space import Trial, draw_trials, parse_space
from training.session import regularised
from training.shrinking import shrink_run
from training.sparse_products import plot_products
from training.subject import open_subject
from training.tables.classification import classifier_rows
from training.tables.classifiers_picture import draw_classifiers
from training.tables.evidence import read_evidence
from training.tables.results import (
    CLASSIFIERS,
    PRODUCTS_PICTURE,
    classifiers_picture,
    results,
)
from training.weight_maps import group_lengths, plot_group_lengths, plot_weight_maps

__all__ = [
    "evaluate",
    "export",
    "fetch",
    "list_presets",
    "run_preset",
    "search",
    "show",
    "shrink",
    "tables",
]


def list_presets(options: argparse.Namespace) -> None:
    """Print every preset, then every run with how far it is."""
    width = max(len(name) for name in PRESETS)
    _say(f"{'preset':<{width}}  {'sizes':<10} {'keep':>5} {'epochs':>6} {'lambda':>7}  starts from")
    for name, config in PRESETS.items():
        sizes = "/".join(str(size) for size in config.hidden_sizes)
        _say(
            f"{name:<{width}}  {sizes:<10} {config.keep:>5g} {config.epochs:>6} "
            f"{config.lambda_:>7g}  {config.start_from or 'random weights'}"
        )
    folders = [RunFolder(path.parent) for path in sorted(options.runs.glob("*/config.json"))]
    for folder in folders:
        _say(f"{folder.path}: {_state(folder)}")


def fetch(options: argparse.Namespace) -> None:
    """Download what is not there yet."""
    for fetch_corpus in (fetch_ptb, fetch_squad, fetch_imdb):
        _say(f"{fetch_corpus(options.data)} is complete")


def run_preset(options: argparse.Namespace) -> None:
    """Train, and print the final figures; with the other processes, if ``torchrun`` started it."""
    set_threads(options.threads)
    join_processes()
    config = override(find_preset(options.preset), options.assignments)
    where = _run_options(options, options.name or options.preset)
    record = run(config, where)
    if is_first():
        _say(f"{where.name}: {_figures(record)}; all in {where.runs / where.name}")


def search(options: argparse.Namespace) -> None:
    """Train many variations of a preset, and print a table of what became of them."""
    threads = set_threads(options.threads)
    config = override(find_preset(options.preset), options.assignments)
    spaces = [parse_space(text) for text in options.spaces]
    trials = draw_trials(config, spaces, options.trials, options.seed)
    where = _run_options(options, options.name or f"{options.preset}-search")
    if options.trials is not None and len(trials) < options.trials:
        _say(f"{len(trials)} trials instead of {options.trials}: no more of them differ")
    rule = Halving(options.grace, options.reduction)
    try:
        if options.ray is None:
            halve(trials, where, rule, _say)
        else:
            _search_by_ray(trials, where, rule, threads, options.ray)
    finally:
        folder = where.runs / where.name
        if table := write_results(folder):
            _say(f"{table}\n\nall in {folder}")


def evaluate(options: argparse.Namespace) -> None:
    """Print the metrics."""
    set_threads(options.threads)
    subject = open_subject(options.subject, options.runs, _paths(options), options.weights)
    for name, value in subject.experiment.measure(subject.model).items():
        _say(f"{subject.name}: {name.replace('_', ' ')} {value:.4f}")


def shrink(options: argparse.Namespace) -> None:
    """Print a table of before and after."""
    set_threads(options.threads)
    folder = _run_folder(options)
    _say(str(shrink_run(folder, _paths(options), options.tau)))
    _say(f"kept in {folder.shrunk}; export it with --weights shrunk")


def export(options: argparse.Namespace) -> None:
    """Write an artifact and print where and what."""
    set_threads(options.threads)
    card = export_run(
        _run_folder(options),
        _paths(options),
        options.models,
        name=options.name,
        weights=options.weights,
        stored=options.stored,
    )
    figures = ", ".join(f"{name} {value:.2f}" for name, value in card.metrics.items())
    _say(f"{options.models / card.name}: {card.weights_dtype}, {figures}")


def show(options: argparse.Namespace) -> None:
    """Draw weight maps of each subject, and group lengths of all in one picture.

    Of a sparse one also how many connections each unit had at the start, and has now.

    Components that were removed while training a run are drawn in their places, as zeros; of an
    artifact, which does not know their places, at the end.
    """
    set_threads(options.threads)
    lengths = {}
    for text in options.subjects:
        subject = open_subject(text, options.runs, _paths(options), options.weights)
        experiment = subject.experiment
        model = experiment.expand(subject.model, subject.kept)
        groups = experiment.find_groups(model)
        # A run and its artifact have one name.
        name = subject.name if subject.name not in lengths else text.strip("/").replace("/", "-")
        path = options.out / f"{name}-weights.png"
        plot_weight_maps(path, name, model, groups, step=options.step)
        _say(str(path))
        if experiment.config.epsilon:
            path = options.out / f"{name}-connections.png"
            plot_connections(path, name, *connections(experiment, subject.model))
            _say(str(path))
        dense = experiment.dense_architecture()
        sizes = dict(zip(dense.layer_names, dense.hidden_sizes, strict=True))
        chosen = regularised(groups, experiment.config.leave_out)
        lengths[name] = group_lengths(chosen, sizes)
    path = options.out / f"{'-'.join(lengths)}-group-lengths.png"
    plot_group_lengths(path, lengths)
    _say(str(path))


def tables(options: argparse.Namespace) -> None:
    """Print the papers' tables with the recorded runs beside them, or write and draw them."""
    evidence = read_evidence(options.records, options.models)
    document = results(evidence)
    if options.write is None:
        sys.stdout.write(document)
        return
    write_whole(options.write, lambda file: file.write(document.encode()))
    _say(str(options.write))
    for corpus, title in CLASSIFIERS.items():
        rows = classifier_rows(evidence.runs, evidence.classifiers, corpus)
        if rows:
            picture = options.write.parent / classifiers_picture(corpus)
            draw_classifiers(picture, title, rows, evidence.classifiers)
            _say(str(picture))
    if evidence.products is not None:
        picture = options.write.parent / PRODUCTS_PICTURE
        plot_products(picture, evidence.products.products, evidence.products.conditions)
        _say(str(picture))


def _run_options(options: argparse.Namespace, name: str) -> RunOptions:
    if Path(name).name != name or name == "..":
        raise ConfigError(f"--as {name}: a run's name is no path; --runs says where it is")
    return RunOptions(
        paths=_paths(options),
        runs=options.runs,
        models=options.models,
        name=name,
        device=choose_device(options.device),
        checkpoint_seconds=options.checkpoint_seconds,
    )


def _search_by_ray(
    trials: list[Trial], where: RunOptions, rule: Halving, threads: int, address: str
) -> None:
    try:
        from training.search.ray_tune import search_by_ray  # noqa: PLC0415 - optional
    except ImportError as error:
        raise ConfigError(f"--ray needs the packages of the extra 'search' ({error})") from error
    search_by_ray(trials, where, rule, threads, address)


def _paths(options: argparse.Namespace) -> Paths:
    return Paths(options.data, options.runs / "cache", options.word_vectors)


def _run_folder(options: argparse.Namespace) -> RunFolder:
    path = Path(options.run)
    return RunFolder(path if (path / "config.json").exists() else options.runs / options.run)


def _state(folder: RunFolder) -> str:
    if not folder.record_file.exists():
        return "not finished; the same `run` continues it"
    try:
        return _figures(folder.read_record())
    except (RunError, KeyError):
        return f"{folder.record_file.name} is damaged"


def _figures(record: dict[str, Any]) -> str:
    sizes = "/".join(map(str, record["hidden_sizes"]))
    metrics = ", ".join(
        f"{name.replace('_', ' ')} {value:.2f}" for name, value in record["metrics"].items()
    )
    return (
        f"lambda {record['config']['lambda']:g}, {metrics}, sizes {sizes}, "
        f"{record['parameters']:,} weights, {record['wall_time_seconds']:.0f} s"
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
