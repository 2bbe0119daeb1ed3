"""Recurrent highway networks go through training like the other language models."""

import json
from pathlib import Path

import pytest
import torch
from torch.nn.functional import cross_entropy

from issrnn import artifact
from issrnn.architecture import RecurrentHighwayLanguageModel
from issrnn.networks import HighwayLayer, RecurrentHighwayNetwork, VariationalDropout
from tests.training.language_modelling.corpora import random_corpus
from training.checkpoint import load_document, save_document
from training.cli import main
from training.config import override
from training.errors import ConfigError
from training.fast_highway import FastHighwayLayer
from training.language_modelling.config import HighwayConfig
from training.language_modelling.experiment import LanguageModelling
from training.language_modelling.network import build_network, sequence_loss
from training.language_modelling.streams import Streams
from training.presets import find_preset
from training.run import resolve
from training.session import Session, resume, start
from training.shrinking import shrink_network
from training.step import remove_dead_, train_step
from training.tasks import parse_config

CORPUS = random_corpus()
CPU = torch.device("cpu")
TINY = (
    "corpus=tiny",
    "hidden_sizes=12",
    "depth=2",
    "batch_size=4",
    "bptt_steps=6",
    "log_every=20",
    "shrink_every=20",
    "precision=fp32",
)
"""Overrides that make a highway preset small."""
TINY_ISS = (
    "hidden_sizes=30",
    "epochs=2",
    "flat_epochs=2",
    "lambda=0.03",
    "lambda_epochs=none",
    "lambda_after=0",
    "init_bound=0.2",
)
"""Overrides of a small ISS preset under which some components die, and some do not."""


def tiny(*more: str, preset: str = "ptb-rhn-dense") -> HighwayConfig:
    config = override(find_preset(preset), [*TINY, *more])
    assert isinstance(config, HighwayConfig)
    return config


def without_dropout(*more: str) -> HighwayConfig:
    kinds = ("words", "inputs", "state", "output")
    return resolve(tiny(*(f"dropout_{kind}=0" for kind in kinds), *more), CPU)


def session(*more: str) -> Session:
    return start(LanguageModelling(without_dropout(*more), CORPUS), CPU)


def highway(trained: Session) -> RecurrentHighwayNetwork:
    assert isinstance(trained.model, RecurrentHighwayNetwork)
    return trained.model


def test_the_published_settings() -> None:
    dense = find_preset("ptb-rhn-dense")
    assert isinstance(dense, HighwayConfig)
    architecture = dense.architecture(10_000)
    assert (architecture.width, architecture.depth, architecture.tied) == (830, 10, True)
    dropout = (dense.dropout_words, dense.dropout_inputs, dense.dropout_state, dense.dropout_output)
    assert dropout == (0.25, 0.75, 0.25, 0.75)
    assert (dense.learning_rate, dense.flat_epochs, dense.decay) == (0.2, 20, 1 / 1.02)
    assert (dense.clip, dense.weight_decay, dense.epochs) == (10.0, 1e-7, 500)
    for strength in ("0.004", "0.005", "0.006", "0.007"):  # the rows of Table 2
        iss = find_preset(f"ptb-rhn-iss-{strength}")
        assert isinstance(iss, HighwayConfig)
        assert iss.lambda_ == float(strength)
        assert iss.dropout_inputs == pytest.approx(0.6 * dense.dropout_inputs)
        assert iss.dropout_words == pytest.approx(0.6 * dense.dropout_words)
        assert iss.dropout_state == pytest.approx(0.6 * dense.dropout_state)
        assert iss.dropout_output == pytest.approx(0.6 * dense.dropout_output)
        assert (iss.lasso, iss.tau, iss.learning_rate) == ("gradient", 4e-4, 0.2)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("hidden_sizes=12,10", "hidden_sizes: Tuple should have at most 1 item"),
        ("keep=0.5", "keep is of stacked layers; a highway network has dropout_words"),
        ("cell=lstm", "cell: Input should be 'rhn'"),
        ("dropout_state=1", "dropout_state: Input should be less than 1"),
        ("depht=3", "did you mean 'depth'"),
    ],
)
def test_a_wrong_override_is_named(assignment: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tiny(assignment)


def test_fields_of_one_network_are_none_of_the_other() -> None:
    stacked = find_preset("ptb-lstm-small-dense").to_document()
    assert [name for name in stacked if name.startswith("dropout_")] == ["dropout_words"]
    assert "depth" not in stacked
    with pytest.raises(ConfigError, match="no field 'depth'"):
        override(find_preset("ptb-lstm-small-dense"), ["depth=3"])
    with pytest.raises(ConfigError, match="here: depth: Field required"):
        parse_config({**stacked, "cell": "rhn", "hidden_sizes": [3]}, "here")


def test_the_network_is_built_as_the_config_says() -> None:
    config = resolve(tiny("gate_bias=-1.5", "init_bound=0.01"), CPU)
    model = build_network(config, config.architecture(15))
    assert isinstance(model, RecurrentHighwayNetwork)
    assert isinstance(model.highway, FastHighwayLayer)
    assert model.dropout == VariationalDropout(0.25, 0.75, 0.25, 0.75)
    bias = model.get_parameter("highway.recurrent.1.bias")
    assert bias.tolist() == [0.0] * 12 + [-1.5] * 12
    assert model.embedding.weight.abs().max() <= 0.01
    plain = build_network(config.model_copy(update={"recurrent": "torch"}), config.architecture(15))
    assert type(plain.get_submodule("highway")) is HighwayLayer
    stacked = find_preset("ptb-lstm-small-dense")
    with pytest.raises(ValueError, match="does not train a rhn"):
        build_network(stacked, config.architecture(15))  # type: ignore[arg-type]  # the wrong one


@pytest.mark.parametrize("embedding_size", ["none", "5"])
def test_the_loss_is_that_of_the_networks_logits(embedding_size: str) -> None:
    config = without_dropout(f"embedding_size={embedding_size}", "init_bound=0.5")
    model = build_network(config, config.architecture(15)).double()
    inputs, targets = Streams.for_training(CORPUS.train, 4, 6).stretch(0)
    loss, _ = sequence_loss(model, inputs, targets, None, "fp32")
    logits, _ = model(inputs)
    expected = cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
    torch.testing.assert_close(loss, expected)


def test_tied_word_vectors_get_both_gradients_sparse_or_dense() -> None:
    plain, sparse = session("weight_decay=0"), session("weight_decay=0")
    assert highway(sparse).embedding.sparse
    assert not highway(session("weight_decay=0.1")).embedding.sparse
    highway(plain).embedding.sparse = False
    for trained in (plain, sparse):
        for step in range(2):
            train_step(trained, step, learning_rate=0.5)
    for name, parameter in plain.model.named_parameters():
        torch.testing.assert_close(sparse.model.get_parameter(name), parameter)


def test_weight_decay_shortens_all_weights() -> None:
    plain, decayed = session("weight_decay=0", "clip=1e9"), session("weight_decay=0.1", "clip=1e9")
    before = {name: p.detach().clone() for name, p in plain.model.named_parameters()}
    for trained in (plain, decayed):
        train_step(trained, 0, learning_rate=0.5)
    for name, parameter in plain.model.named_parameters():
        expected = parameter - 0.5 * 0.1 * before[name]
        torch.testing.assert_close(decayed.model.get_parameter(name), expected)


def test_dead_components_go_and_training_goes_on_as_if_they_were_there() -> None:
    settings = ("variant=iss", "lambda=1e-9", "momentum=0.5")
    sparse, small = session(*settings), session(*settings)
    for trained in (sparse, small):
        train_step(trained, 0, learning_rate=0.1)
        assert trained.groups is not None
        trained.groups[0].zero_([1, 4, 5])
    assert remove_dead_(small)
    assert small.hidden_sizes == (9,)
    assert small.kept == [[0, 2, 3, 6, 7, 8, 9, 10, 11]]
    assert not remove_dead_(small)
    inputs, _ = Streams.for_training(CORPUS.train, 4, 6).stretch(1)
    expected, _ = sparse.model.eval()(inputs, sparse.state)
    actual, _ = small.model.eval()(inputs, small.state)
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5)
    sparse.model.train()
    small.model.train()
    losses = [train_step(trained, 1, learning_rate=0.1)[0].nats for trained in (small, sparse)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert sparse.groups is not None
    sparse.groups[0].zero_([1, 4, 5])  # their momentum moved them
    remove_dead_(sparse)
    for name, weight in sparse.model.named_parameters():
        torch.testing.assert_close(small.model.get_parameter(name), weight, rtol=1e-4, atol=1e-6)


def test_what_only_a_dead_component_reads_goes_with_it() -> None:
    trained = session("variant=iss", "lambda=1e-9")
    assert trained.groups is not None
    (group,) = trained.groups
    recurrent = trained.model.get_parameter("highway.recurrent.1.weight")
    with torch.no_grad():
        for part in group.slices:
            if part.role == "reads":
                places = part.positions[torch.isin(part.components, torch.tensor([2, 7]))]
                trained.model.get_parameter(part.parameter).index_fill_(part.axis, places, 0.0)
        recurrent[7, 2] = 1.0  # unit 7, which nothing reads, reads unit 2
    assert remove_dead_(trained)
    assert trained.kept == [[0, 1, 3, 4, 5, 6, 8, 9, 10, 11]]
    assert not remove_dead_(trained)


def test_the_published_iss_settings_reach_the_tied_word_vectors() -> None:
    config = resolve(tiny("tau=0.01", preset="ptb-rhn-iss-0.005"), CPU)
    trained = start(LanguageModelling(config, CORPUS), CPU)
    train_step(trained, 0, learning_rate=0.2)
    for name in ("embedding.weight", "highway.input.weight", "highway.recurrent.1.weight"):
        weight = trained.model.get_parameter(name).detach()
        assert bool((weight == 0).any())
        assert not bool(((weight != 0) & (weight.abs() < 0.01)).any())


def test_a_session_goes_on_where_its_document_was_written(tmp_path: Path) -> None:
    config = resolve(tiny("variant=iss", "lambda=1e-9"), CPU)
    experiment = LanguageModelling(config, CORPUS)
    unbroken = start(experiment, CPU)
    train_step(unbroken, 0, learning_rate=0.5)
    assert unbroken.groups is not None
    unbroken.groups[0].zero_([2, 3])
    remove_dead_(unbroken)
    save_document(tmp_path / "checkpoint.pt", unbroken.to_document())
    again, _ = train_step(unbroken, 1, learning_rate=0.5)
    resumed = resume(experiment, load_document(tmp_path / "checkpoint.pt"), CPU)
    assert train_step(resumed, 1, learning_rate=0.5)[0].nats == again.nats
    for name, parameter in unbroken.model.named_parameters():
        assert torch.equal(resumed.model.get_parameter(name), parameter)


def test_expansion_undoes_shrinking() -> None:
    torch.manual_seed(0)
    experiment = LanguageModelling(tiny(), CORPUS)
    wide = experiment.plain_network(experiment.dense_architecture()).double()
    experiment.find_groups(wide)[0].zero_([0, 3, 4])
    small, kept = shrink_network(experiment, wide, [list(range(12))], tau=0.0)
    assert kept == [[1, 2, 5, 6, 7, 8, 9, 10, 11]]
    back = experiment.expand(small, kept)
    words = torch.randint(15, (6, 2))
    torch.testing.assert_close(back(words)[0], wide(words)[0], rtol=1e-10, atol=1e-10)
    assert int((experiment.find_groups(back)[0].norms() == 0).sum()) == 3


def test_from_a_preset_to_an_artifact(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--data", str(data), "--runs", str(tmp_path), "--threads", "1"]
    options = [part for setting in (*TINY, *TINY_ISS) for part in ("--set", setting)]
    preset = "ptb-rhn-small-iss-0.004"
    assert main(["run", preset, "--as", "tiny-rhn", *where, *options]) == 0
    assert main(["export", "tiny-rhn", *where, "--models", str(tmp_path / "models")]) == 0
    loaded = artifact.load(tmp_path / "models" / "tiny-rhn")
    record = json.loads((tmp_path / "tiny-rhn" / "record.json").read_text())
    assert isinstance(loaded.card.architecture, RecurrentHighwayLanguageModel)
    assert 1 < loaded.card.architecture.width < 30
    assert loaded.card.dense_hidden_sizes == (30,)
    assert loaded.card.metrics["test_perplexity"] == pytest.approx(
        record["metrics"]["test_perplexity"], rel=1e-3
    )
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "models" / "tiny-rhn"), *where]) == 0
    assert (
        f"test perplexity {loaded.card.metrics['test_perplexity']:.4f}" in capsys.readouterr().out
    )
    assert main(["show", "tiny-rhn", *where, "--out", str(tmp_path)]) == 0
    assert (tmp_path / "tiny-rhn-weights.png").exists()


def test_a_highway_layer_is_not_trained_sparse() -> None:
    with pytest.raises(ConfigError, match="epsilon is of stacked layers"):
        override(find_preset("ptb-rhn-small-dense"), ["variant=set", "epsilon=5"])
