"""One mini-batch: the published loss and clip, group lasso after it, and live shrinking."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from issrnn.lasso import GroupLasso
from issrnn.networks import LanguageModel, SequenceDropout
from issrnn.vocabulary import Vocabulary
from tests.training.conftest import tiny
from tests.training.language_modelling.corpora import random_corpus
from training.checkpoint import load_document, save_document
from training.errors import ConfigError
from training.fast_dropout import FastDropout
from training.fast_lstm import FastLSTM
from training.language_modelling.experiment import LanguageModelling
from training.language_modelling.streams import Streams
from training.loop import log_columns
from training.run import resolve
from training.session import Session, resume, start
from training.step import remove_dead_, train_step, update_

CORPUS = random_corpus()
CPU = torch.device("cpu")


def session(preset: str = "ptb-lstm-small-dense", *more: str) -> Session:
    config = tiny(preset, "precision=fp32", "keep=1", *more)
    return start(LanguageModelling(resolve(config, CPU), CORPUS), CPU)


def language_model(trained: Session) -> LanguageModel:
    assert isinstance(trained.model, LanguageModel)
    return trained.model


def stretch(number: int) -> tuple[Tensor, Tensor]:
    return Streams.for_training(CORPUS.train, 4, 6).stretch(number)


def parameters(trained: Session) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in trained.model.named_parameters()}


@pytest.mark.parametrize("recurrent", ["fast", "torch"])
def test_a_step_is_plain_sgd_on_the_summed_and_averaged_loss(recurrent: str) -> None:
    trained = session("ptb-lstm-small-dense", f"recurrent={recurrent}", "clip=1000")
    inputs, targets = stretch(0)
    before = copy.deepcopy(trained.model)
    logits, _ = before(inputs)
    loss = cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
    torch.autograd.backward(loss / 4)
    loss_of_step, _ = train_step(trained, 0, learning_rate=0.1)
    assert loss_of_step.nats == pytest.approx(loss.item(), rel=1e-5)
    for name, parameter in before.named_parameters():
        assert parameter.grad is not None
        expected = parameter - 0.1 * parameter.grad.to_dense()
        torch.testing.assert_close(trained.model.get_parameter(name), expected)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("clip", [0.5, 100.0])
def test_the_update_is_torchs_clip_and_sgd(
    momentum: float, clip: float, weight_decay: float
) -> None:
    torch.manual_seed(0)
    ours = [torch.nn.Parameter(torch.randn(5, 3)), torch.nn.Parameter(torch.randn(4))]
    theirs = copy.deepcopy(ours)
    our_sgd = torch.optim.SGD(ours, lr=1.0, momentum=momentum, weight_decay=weight_decay)
    their_sgd = torch.optim.SGD(theirs, lr=0.3, momentum=momentum, weight_decay=weight_decay)
    for _ in range(3):
        for mine, reference in zip(ours, theirs, strict=True):
            mine.grad = torch.randn_like(mine)
            reference.grad = mine.grad.clone()
        norm = torch.nn.utils.clip_grad_norm_(theirs, clip)
        their_sgd.step()
        assert update_(our_sgd, ours, 0.3, clip) == pytest.approx(float(norm))
    for mine, reference in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, reference)
        assert mine.grad is None


def test_sparse_word_vector_gradients_change_nothing() -> None:
    sparse, dense = session(), session()
    assert language_model(sparse).embedding.sparse
    language_model(dense).embedding.sparse = False
    for seed in range(3):
        for trained in (sparse, dense):
            train_step(trained, seed, learning_rate=1.0)
    for name, parameter in parameters(dense).items():
        torch.testing.assert_close(sparse.model.get_parameter(name), parameter)


def test_the_state_is_carried_and_gradients_stop_at_it() -> None:
    trained = session()
    train_step(trained, 0, learning_rate=0.0)
    carried = trained.state
    assert carried is not None
    expected, _ = trained.model.eval()(stretch(1)[0], carried)
    loss = cross_entropy(expected.flatten(0, 1), stretch(1)[1].flatten(), reduction="sum")
    trained.model.train()
    step, _ = train_step(trained, 1, learning_rate=0.0)
    assert step.nats == pytest.approx(loss.item(), rel=1e-5)


def test_proximal_lasso_follows_the_update() -> None:
    plain = session()
    trained = session("ptb-lstm-small-iss", "lambda=0.3", "tau=0.002")
    train_step(plain, 0, learning_rate=0.5)
    train_step(trained, 0, learning_rate=0.5)
    GroupLasso(plain.experiment.find_groups(plain.model)).proximal_step_(0.5 * 0.3, 0.002)
    for name, parameter in parameters(plain).items():
        assert trained.model.get_parameter(name).equal(parameter)
    assert (language_model(trained).decoder.weight == 0).any()


def test_lasso_as_gradient_is_clipped_with_the_rest() -> None:
    plain = session("ptb-lstm-small-dense", "clip=1e9")
    trained = session("ptb-lstm-small-iss", "lambda=0.3", "lasso=gradient", "clip=1e9")
    lasso = GroupLasso(plain.experiment.find_groups(plain.model))
    for weight in plain.model.parameters():
        weight.grad = torch.zeros_like(weight)
    lasso.add_gradient_(0.3)
    gradients = {name: p.grad for name, p in plain.model.named_parameters()}
    plain.model.zero_grad()
    train_step(plain, 0, learning_rate=0.5)
    train_step(trained, 0, learning_rate=0.5)
    for name, parameter in parameters(plain).items():
        gradient = gradients[name]
        assert gradient is not None
        torch.testing.assert_close(
            trained.model.get_parameter(name), parameter - 0.5 * gradient, msg=name
        )


def test_recurrent_weights_are_dropped_as_the_config_says() -> None:
    model = language_model(session("ptb-lstm-small-dense", "weight_drop=0.5"))
    for layer in model.layers:  # the fast ones also where products run in fp32
        assert isinstance(layer, FastLSTM)
        assert layer.drop_weights.p == 0.5


def test_masks_of_drop_out_are_drawn_as_often_as_the_config_says() -> None:
    for masks, kind in (("step", FastDropout), ("sequence", SequenceDropout)):
        settings = (f"masks={masks}", "keep=0.75", "dropout_words=0.1")
        model = language_model(session("ptb-lstm-small-dense", *settings))
        assert type(model.dropout) is kind
        assert (model.dropout.p, model.word_dropout) == (0.25, 0.1)
    with pytest.raises(ConfigError, match="masks: Input should be 'step' or 'sequence'"):
        tiny("ptb-lstm-small-dense", "masks=word")


def test_a_gpu_has_torchs_layers_but_where_weights_are_dropped() -> None:
    gpu = torch.device("cuda")
    plain = resolve(tiny("ptb-lstm-small-dense"), gpu)
    assert (plain.precision, plain.recurrent) == ("fp32", "torch")
    dropping = resolve(tiny("ptb-lstm-small-dense", "weight_drop=0.5"), gpu)
    assert (dropping.precision, dropping.recurrent) == ("fp32", "fast")


def test_l1_is_added_to_the_groups_weights_only() -> None:
    plain = session("ptb-lstm-small-dense", "clip=1e9")
    trained = session("ptb-lstm-small-dense", "clip=1e9", "variant=l1", "l1=0.01")
    before = parameters(plain)
    train_step(plain, 0, learning_rate=0.5)
    train_step(trained, 0, learning_rate=0.5)
    now = parameters(trained)
    assert now["embedding.weight"].equal(language_model(plain).embedding.weight)
    expected = language_model(plain).decoder.weight - 0.5 * 0.01 * before["decoder.weight"].sign()
    torch.testing.assert_close(now["decoder.weight"], expected)


def test_thresholding_without_group_lasso() -> None:
    trained = session("ptb-lstm-small-dense", "variant=l1", "l1=1e-12", "tau=0.05")
    train_step(trained, 0, learning_rate=0.1)
    weight = language_model(trained).decoder.weight
    assert not ((weight.abs() < 0.05) & (weight != 0)).any()
    assert (language_model(trained).embedding.weight.abs() < 0.05).any()


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_dead_components_go_and_training_goes_on_as_if_they_were_there(cell: str) -> None:
    sparse = session("ptb-lstm-small-iss", "lambda=1e-9", "momentum=0.5", f"cell={cell}")
    small = session("ptb-lstm-small-iss", "lambda=1e-9", "momentum=0.5", f"cell={cell}")
    for trained in (sparse, small):
        train_step(trained, 0, learning_rate=0.1)
        assert trained.groups is not None
        trained.groups[0].zero_([1, 4, 5])
        trained.groups[1].zero_([0, 9])
    assert remove_dead_(small)
    assert small.hidden_sizes == (9, 8)
    assert not remove_dead_(small)
    inputs, targets = stretch(1)
    sparse.model.eval()
    small.model.eval()
    expected, _ = sparse.model(inputs, sparse.state)
    actual, _ = small.model(inputs, small.state)
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5)
    step, _ = train_step(small, 1, learning_rate=0.1)
    assert step.nats == pytest.approx(
        cross_entropy(expected.flatten(0, 1), targets.flatten(), reduction="sum").item(), rel=1e-4
    )


def test_group_lasso_ends_with_its_epochs() -> None:
    lasso = session("ptb-lstm-small-iss", "lambda=0.1", "lambda_epochs=1", "lambda_after=0")
    plain = session("ptb-lstm-small-iss", "lambda=0.1", "lambda_epochs=none", "lambda_after=0")
    without = session("ptb-lstm-small-dense")
    for trained in (lasso, plain, without):
        trained.position.epoch = 1
        train_step(trained, 0, learning_rate=0.1)
    for name, weight in parameters(without).items():
        torch.testing.assert_close(parameters(lasso)[name], weight)
    assert not torch.equal(
        parameters(plain)["decoder.weight"], parameters(without)["decoder.weight"]
    )


@pytest.mark.parametrize("dead", [3, 9])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_training_goes_on_from_a_checkpoint_also_with_one_unit_left(
    cell: str, dead: int, tmp_path: Path
) -> None:
    unbroken = session("ptb-lstm-small-iss", f"cell={cell}", "lambda=1e-9", "momentum=0.5")
    columns = log_columns(unbroken)
    train_step(unbroken, 0, learning_rate=0.1)
    assert unbroken.groups is not None
    unbroken.groups[1].zero_(range(dead))
    remove_dead_(unbroken)
    assert unbroken.hidden_sizes == (12, 10 - dead)
    save_document(tmp_path / "checkpoint.pt", unbroken.to_document())
    expected, _ = train_step(unbroken, 1, learning_rate=0.1)
    document = load_document(tmp_path / "checkpoint.pt")
    resumed = resume(unbroken.experiment, document, CPU)
    assert log_columns(resumed) == columns
    actual, _ = train_step(resumed, 1, learning_rate=0.1)
    assert actual.nats == expected.nats
    for name, weight in parameters(unbroken).items():
        assert torch.equal(resumed.model.get_parameter(name), weight), name


def test_a_layer_to_leave_out_must_be_there() -> None:
    with pytest.raises(ConfigError, match=r"with 'layers\.7'; the layers are layers\.0, layers\.1"):
        session("ptb-lstm-small-iss", "leave_out=layers.0,layers.7")
    assert session("ptb-lstm-small-iss", "leave_out=layers.0").regularised_layers == ("layers.1",)


def test_a_checkpoint_of_other_words_is_not_gone_on_from() -> None:
    trained = session()
    fewer = replace(CORPUS, vocabulary=Vocabulary(CORPUS.vocabulary.words[:-1]))
    experiment = LanguageModelling(trained.experiment.config, fewer)
    with pytest.raises(ValueError, match="tells 15 tokens apart, the data have 14"):
        resume(experiment, trained.to_document(), CPU)
