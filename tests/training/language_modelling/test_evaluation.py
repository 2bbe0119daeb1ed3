"""Perplexity is that of every word, whatever the cut."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from issrnn.networks import LanguageModel
from tests.training.conftest import tiny
from tests.training.language_modelling.corpora import random_corpus
from training.errors import Interrupted
from training.language_modelling.evaluation import perplexity
from training.language_modelling.experiment import LanguageModelling
from training.stopping import StopRequest

VOCABULARY, END = 9, 3


def model() -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(tiny().architecture(VOCABULARY), dropout=0.5).double()


def words(count: int = 50) -> torch.Tensor:
    return torch.randint(VOCABULARY, (count,), generator=torch.Generator().manual_seed(1))


def test_it_is_one_pass_over_the_whole_split() -> None:
    network, targets = model(), words()
    inputs = torch.cat((torch.tensor([END]), targets[:-1]))
    logits, _ = network.eval()(inputs[:, None])
    expected = math.exp(cross_entropy(logits[:, 0], targets).item())
    for steps in (1, 7, 64):
        assert perplexity(network, targets, END, steps=steps) == pytest.approx(expected, rel=1e-12)


def test_more_streams_score_the_same_words_from_less_context() -> None:
    network, targets = model(), words(30)
    by_hand = sum(
        10 * math.log(perplexity(network, targets[start : start + 10], int(before)))
        for start, before in ((0, END), (10, targets[9]), (20, targets[19]))
    )
    together = perplexity(network, targets, END, batch_size=3)
    assert together == pytest.approx(math.exp(by_hand / 30), rel=1e-12)


def test_the_model_stays_in_training_mode() -> None:
    network = model().train()
    perplexity(network, words(), END)
    assert network.training


def test_a_hopeless_model_has_infinite_perplexity() -> None:
    network = model()
    with torch.no_grad():
        network.decoder.bias[0] = 1e4
    assert perplexity(network, torch.full((5,), 1), END) == math.inf


def test_measuring_stops_when_asked() -> None:
    stop = StopRequest()
    stop.signal_number = 15
    experiment = LanguageModelling(tiny(), random_corpus())
    with pytest.raises(Interrupted, match="the same command goes on"):
        experiment.measure(experiment.plain_network(experiment.dense_architecture()), stop)


def test_measuring_names_each_split() -> None:
    experiment = LanguageModelling(tiny(), random_corpus())
    metrics = experiment.measure(experiment.plain_network(experiment.dense_architecture()))
    assert set(metrics) == {"valid_perplexity", "test_perplexity"}
