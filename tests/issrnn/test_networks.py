"""The language model: shapes, names and carried state."""

import pytest
import torch

from issrnn.architecture import Cell, RecurrentLanguageModel
from issrnn.networks import LanguageModel


def make_model(cell: Cell) -> LanguageModel:
    torch.manual_seed(0)
    architecture = RecurrentLanguageModel(
        cell=cell, vocabulary_size=11, embedding_size=4, hidden_sizes=(5, 3)
    )
    return LanguageModel(architecture, dropout=0.5).eval()


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_its_parameters_are_those_the_architecture_names(cell: Cell) -> None:
    model = make_model(cell)
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    assert shapes == model.architecture.shapes()
    assert model.architecture.hidden_sizes == (5, 3)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_a_text_in_two_parts_gives_what_it_gives_in_one(cell: Cell) -> None:
    model = make_model(cell)
    tokens = torch.randint(11, (7, 2))
    whole, final = model(tokens)
    first, state = model(tokens[:3])
    second, final_of_parts = model(tokens[3:], state)
    torch.testing.assert_close(torch.cat((first, second)), whole)
    torch.testing.assert_close(final_of_parts, final)


def test_dropout_is_active_only_in_training() -> None:
    model = make_model("lstm")
    tokens = torch.randint(11, (7, 2))
    torch.testing.assert_close(model(tokens)[0], model(tokens)[0])
    model.train()
    assert not torch.equal(model(tokens)[0], model(tokens)[0])


def test_initial_weights_lie_within_the_bound_and_biases_are_zero() -> None:
    model = make_model("lstm")
    model.initialise_uniform_(0.04)
    for name, parameter in model.named_parameters():
        assert parameter.abs().max() <= 0.04
        assert bool(parameter.any()) == ("bias" not in name)
