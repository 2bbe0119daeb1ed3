"""The classifier: padding means nothing, and all of its units can be removed."""

import pytest
import torch
from torch import Tensor

import issrnn
from issrnn.architecture import ClassifierArchitecture, Pooling
from issrnn.networks import Classifier
from tests.issrnn.shrinking import example, shrink_and_compare

POOLINGS: tuple[Pooling, ...] = ("last", "mean", "max")


def make_model(pooling: Pooling, hidden_sizes: tuple[int, ...] = (6, 5)) -> Classifier:
    torch.manual_seed(0)
    architecture = ClassifierArchitecture(
        vocabulary_size=11,
        embedding_size=4,
        hidden_sizes=hidden_sizes,
        pooling=pooling,
        label_count=3,
    )
    return Classifier(architecture).eval()


def make_texts() -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randint(11, (7, 3)), torch.tensor([7, 1, 4])


@pytest.mark.parametrize("pooling", POOLINGS)
def test_its_parameters_are_those_the_architecture_names(pooling: Pooling) -> None:
    model = make_model(pooling)
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    assert shapes == model.architecture.shapes()
    assert model.architecture.hidden_sizes == (6, 5)
    assert model.architecture.pooling == pooling


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_text_in_a_batch_has_the_scores_it_has_alone(pooling: Pooling) -> None:
    model = make_model(pooling)
    tokens, lengths = make_texts()
    together = model(tokens, lengths)
    assert together.shape == (3, 3)
    for text, words in enumerate(lengths.tolist()):
        alone = model(tokens[:words, [text]], lengths[[text]])
        torch.testing.assert_close(together[[text]], alone)


def test_pooling_is_what_its_name_says() -> None:
    tokens, lengths = make_texts()
    model = make_model("last", (6,))
    states = model.layers[0](model.embedding(tokens))[0]
    text = states[: int(lengths[2]), 2]
    for pooling, pooled in (
        ("last", text[-1]),
        ("mean", text.mean(0)),
        ("max", text.amax(0)),
    ):
        model.pooling = pooling  # type: ignore[assignment]
        torch.testing.assert_close(model(tokens, lengths)[2], model.output(pooled))


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("hidden_sizes", [(6,), (6, 5)])
def test_every_unit_can_be_removed(pooling: Pooling, hidden_sizes: tuple[int, ...]) -> None:
    model, inputs = example(make_model(pooling, hidden_sizes), *make_texts())
    groups, small = shrink_and_compare(model, inputs)
    assert not groups.refused
    assert [group.owner for group in groups] == list(model.architecture.layer_names)
    assert [group.size for group in groups] == list(hidden_sizes)
    assert isinstance(small, Classifier)
    assert sum(small.architecture.hidden_sizes) < sum(hidden_sizes)
    shapes = {name: tuple(p.shape) for name, p in small.named_parameters()}
    assert shapes == small.architecture.shapes()


def test_its_multiply_adds_are_those_that_are_counted() -> None:
    model = make_model("max")
    counted = issrnn.count(model, make_texts())
    texts, linear = 3, 3 * 5
    assert counted.positions == 21  # padding is computed
    expected = 21 * model.architecture.multiply_adds_per_token() + texts * linear
    assert counted.multiply_adds == expected


def test_dropout_is_active_only_in_training() -> None:
    architecture = make_model("max").architecture
    model = Classifier(architecture, dropout=torch.nn.Dropout(0.5))
    texts = make_texts()
    assert not torch.equal(model(*texts), model(*texts))
    model.eval()
    torch.testing.assert_close(model(*texts), model(*texts))
