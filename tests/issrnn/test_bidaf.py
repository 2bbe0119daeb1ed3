"""BiDAF: padding changes nothing, its groups are the paper's, and it shrinks exactly."""

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import issrnn
from issrnn.architecture import BiDAFArchitecture
from issrnn.networks import BiDAF, Text
from issrnn.networks.bidaf import reversal

SIZES = (5, 4, 6, 3, 2, 7, 4, 5)


def make_architecture(hidden_sizes: tuple[int, ...] = SIZES) -> BiDAFArchitecture:
    return BiDAFArchitecture(
        word_vector_size=6,
        character_count=12,
        character_size=3,
        filters=4,
        filter_width=3,
        word_length=5,
        hidden_sizes=hidden_sizes,
    )


def make_text(lengths: Sequence[int], word_vector_size: int = 6, word_length: int = 5) -> Text:
    generator = torch.Generator().manual_seed(sum(lengths))
    shape = (max(lengths), len(lengths))
    return Text(
        vectors=torch.randn(*shape, word_vector_size, generator=generator, dtype=torch.float64),
        characters=torch.randint(12, (*shape, word_length), generator=generator),
        lengths=torch.tensor(lengths),
    )


def make_model(hidden_sizes: tuple[int, ...] = SIZES) -> BiDAF:
    torch.manual_seed(0)
    return BiDAF(make_architecture(hidden_sizes)).double().eval()


def row(text: Text, index: int) -> Text:
    length = int(text.lengths[index])
    column = slice(index, index + 1)
    return Text(
        text.vectors[:length, column], text.characters[:length, column], text.lengths[column]
    )


def test_its_parameters_are_those_the_architecture_names() -> None:
    model = make_model()
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    assert shapes == model.architecture.shapes()
    assert model.architecture == make_architecture()


def test_a_batch_gives_what_its_texts_give_alone() -> None:
    model = make_model()
    context, question = make_text([9, 4, 1, 7]), make_text([2, 6, 3, 1])
    starts, ends = model(context, question)
    for index, length in enumerate(context.lengths.tolist()):
        alone = model(row(context, index), row(question, index))
        for scores, own in zip((starts, ends), alone, strict=True):
            torch.testing.assert_close(scores[:length, index], own[:, 0], rtol=1e-10, atol=1e-10)
            assert (scores[length:, index] == -torch.inf).all()


def test_padding_may_hold_anything() -> None:
    model = make_model()
    context, question = make_text([5, 3]), make_text([2, 4])
    expected = model(context, question)
    context.vectors[3:, 1] = 99.0
    question.characters[2:, 0] = 7
    for scores, before in zip(model(context, question), expected, strict=True):
        torch.testing.assert_close(scores, before)


@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_reversing_twice_changes_nothing(lengths: list[int]) -> None:
    places = reversal(torch.tensor(lengths), max(lengths)).flatten()
    assert places[places].tolist() == list(range(len(places)))
    columns = places.view(max(lengths), -1) // len(lengths)
    for column, length in enumerate(lengths):
        assert columns[:length, column].tolist() == list(range(length - 1, -1, -1))


def test_group_sizes_at_the_papers_dimensions() -> None:
    """Table 5 of Wen et al. (ICLR 2018) says 3201 where this says 4001.

    The output layer reads the second modelling layer's units in three places: themselves, their
    mean under the start distribution, and the product of both. The table counts two of them (each
    800 weights of both directions); without the third, a unit would not be removed exactly.
    """
    architecture = BiDAFArchitecture(
        word_vector_size=100, character_count=100, hidden_sizes=(100,) * 8
    )
    texts = [
        Text(torch.randn(4, 1, 100), torch.zeros(4, 1, 16, dtype=torch.int64), torch.tensor([4]))
        for _ in range(2)
    ]
    groups = issrnn.find_groups(BiDAF(architecture), tuple(texts))
    assert not groups.refused
    assert {group.owner: group.weights_per_component for group in groups[2:]} == {
        "modelling.0.forward_lstm": 4800,
        "modelling.0.backward_lstm": 4800,
        "modelling.1.forward_lstm": 4001,
        "modelling.1.backward_lstm": 4001,
        "output.forward_lstm": 6401,
        "output.backward_lstm": 6401,
    }
    reads = [s for s in groups[4].slices if s.role == "reads" and s.parameter.startswith("output")]
    assert [len(s.positions) for s in reads] == [300, 300]  # three places of 100 units


@settings(max_examples=15)
@given(
    sizes=st.tuples(*[st.integers(2, 5)] * 8),
    data=st.data(),
    lengths=st.lists(st.integers(1, 6), min_size=2, max_size=3),
)
def test_a_shrunk_model_gives_the_sparse_models_scores(
    sizes: tuple[int, ...], data: st.DataObject, lengths: list[int]
) -> None:
    model = make_model(sizes)
    context, question = make_text(lengths), make_text([3] * len(lengths))
    groups = issrnn.find_groups(model, (context, question))
    assert len(groups) == 8
    for group in groups:
        group.zero_(data.draw(st.sets(st.integers(0, group.size - 1), max_size=group.size - 1)))
    expected = model(context, question)
    small = issrnn.shrink(model, groups)
    assert isinstance(small, BiDAF)
    left = [int((group.norms() > 0).sum()) for group in groups]
    assert list(small.architecture.hidden_sizes) == left
    shapes = {name: tuple(p.shape) for name, p in small.named_parameters()}
    assert shapes == small.architecture.shapes()
    for scores, before in zip(small(context, question), expected, strict=True):
        torch.testing.assert_close(scores, before, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("place", range(3))
def test_a_unit_stays_while_one_of_its_readers_lives(place: int) -> None:
    model = make_model()
    context, question = make_text([4]), make_text([3])
    groups = issrnn.find_groups(model, (context, question))
    second = next(group for group in groups if group.owner == "modelling.1.forward_lstm")
    [reader] = [s for s in second.slices if s.parameter == "output.forward_lstm.weight_ih_l0"]
    second.zero_([1])
    position = reader.positions[reader.components == 1][place]
    with torch.no_grad():
        model.get_parameter(reader.parameter)[:, position] = 0.5
    expected = model(context, question)
    small = issrnn.shrink(model, groups)
    for scores, before in zip(small(context, question), expected, strict=True):
        torch.testing.assert_close(scores, before, rtol=1e-10, atol=1e-10)
