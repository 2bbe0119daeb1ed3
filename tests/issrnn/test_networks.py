"""The language model: shapes, names and carried state."""

import pytest
import torch

from issrnn.architecture import Cell, RecurrentLanguageModel
from issrnn.networks import LanguageModel, SequenceDropout


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


def test_a_dropped_word_is_dropped_wherever_a_sequence_has_it() -> None:
    model = make_model("lstm")
    tokens = torch.randint(11, (7, 200))
    model.dropout = torch.nn.Identity()
    model.word_dropout = 0.25
    read: list[torch.Tensor] = []
    model.layers[0].register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    model(tokens)
    vectors = model.embedding(tokens)
    assert read[0].equal(vectors)
    model.train()
    model(tokens)
    factors = (read[1] / vectors).mean(-1)
    kept = factors > 0
    torch.testing.assert_close(factors[kept], torch.full_like(factors[kept], 1 / 0.75))
    assert kept.float().mean() == pytest.approx(0.75, abs=0.05)
    for word in range(11):
        occurs = tokens == word
        assert not ((occurs & kept).any(0) & (occurs & ~kept).any(0)).any()


def test_sequence_dropout_drops_the_same_units_at_all_steps() -> None:
    torch.manual_seed(0)
    drop = SequenceDropout(0.25)
    x = torch.full((6, 30, 50), 3.0)
    y = drop(x)
    assert y.equal(y[:1].expand_as(y))
    assert sorted(y.unique().tolist()) == pytest.approx([0.0, 4.0])
    assert float((y[0] != 0).float().mean()) == pytest.approx(0.75, abs=0.05)
    assert drop.eval()(x) is x
    assert SequenceDropout(0.0)(x) is x


def test_initial_weights_lie_within_the_bound_and_biases_are_zero() -> None:
    model = make_model("lstm")
    model.initialise_uniform_(0.04)
    for name, parameter in model.named_parameters():
        assert parameter.abs().max() <= 0.04
        assert bool(parameter.any()) == ("bias" not in name)
