"""The recurrent highway network: its equations, its drop-out, and removing its units."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from torch import Tensor

import issrnn
from issrnn.architecture import Architecture, RecurrentHighwayLanguageModel
from issrnn.networks import RecurrentHighwayNetwork, VariationalDropout
from tests.issrnn.shrinking import assert_same

TOKENS = torch.randint(11, (6, 3), generator=torch.Generator().manual_seed(3))


def architecture(width: int = 7, **options: Any) -> RecurrentHighwayLanguageModel:
    return RecurrentHighwayLanguageModel(
        vocabulary_size=11, hidden_sizes=(width,), **{"depth": 3, **options}
    )


def network(width: int = 7, *, seed: int = 0, **options: Any) -> RecurrentHighwayNetwork:
    """In double precision, in evaluation mode, with lively weights."""
    torch.manual_seed(seed)
    model = RecurrentHighwayNetwork(architecture(width, **options)).double().eval()
    for parameter in model.parameters():
        torch.nn.init.uniform_(parameter, -0.9, 0.9)
    return model


def groups_of(model: RecurrentHighwayNetwork) -> issrnn.Groups:
    return issrnn.declare_groups(model, model.declaration, TOKENS)


def paper_size(width: int) -> RecurrentHighwayNetwork:
    """Shapes without memory."""
    with torch.device("meta"):
        return RecurrentHighwayNetwork(
            RecurrentHighwayLanguageModel(vocabulary_size=10_000, hidden_sizes=(width,), depth=10)
        )


@pytest.mark.parametrize("embedding_size", [None, 4])
def test_its_parameters_are_those_the_architecture_names(embedding_size: int | None) -> None:
    model = network(embedding_size=embedding_size)
    assert {name: tuple(p.shape) for name, p in model.named_parameters()} == (
        model.architecture.shapes()
    )
    assert set(model.state_dict()) == set(model.architecture.shapes())
    assert model.architecture == architecture(embedding_size=embedding_size)
    assert model.architecture.tied == (embedding_size is None)


def test_an_architecture_is_read_by_its_kind() -> None:
    document = architecture().model_dump(mode="json")
    assert TypeAdapter(Architecture).validate_python(document) == architecture()


@pytest.mark.parametrize(
    ("width", "millions"), [(830, 23.5), (726, 18.9), (517, 11.1), (403, 7.6), (328, 5.7)]
)
def test_it_is_as_large_as_the_papers_at_every_width(width: int, millions: float) -> None:
    sizes = [parameter.numel() for parameter in paper_size(width).parameters()]
    assert round(sum(sizes) / 1e6, 1) == millions


def test_a_component_has_the_papers_46520_weights() -> None:
    model = paper_size(830)
    groups = issrnn.declare_groups(model, model.declaration)
    assert [(g.owner, g.size, g.weights_per_component) for g in groups] == [("highway", 830, 46520)]
    # the softmax layer reads tied word vectors: they are looked up and multiplied with
    assert model.architecture.multiply_adds_per_token() == 22 * 830**2 + 10_000 * 830


def test_it_computes_the_published_equations() -> None:
    model = network(embedding_size=4)
    weights = {name: weight.detach() for name, weight in model.named_parameters()}
    state = torch.zeros(3, 7, dtype=torch.float64)
    expected = []
    for words in TOKENS:
        x = weights["embedding.weight"][words]
        w_h, w_t = weights["highway.input.weight"].chunk(2)
        for step in range(3):
            r_h, r_t = weights[f"highway.recurrent.{step}.weight"].chunk(2)
            b_h, b_t = weights[f"highway.recurrent.{step}.bias"].chunk(2)
            first = 1 if step == 0 else 0
            h = torch.tanh(first * (x @ w_h.T) + state @ r_h.T + b_h)
            t = torch.sigmoid(first * (x @ w_t.T) + state @ r_t.T + b_t)
            state = h * t + state * (1 - t)
        expected.append(state @ weights["decoder.weight"].T + weights["decoder.bias"])
    logits, (final,) = model(TOKENS)
    assert_same((torch.stack(expected), state.unsqueeze(0)), (logits, final))


def test_a_text_in_two_parts_gives_what_it_gives_in_one() -> None:
    model = network()
    whole, final = model(TOKENS)
    first, state = model(TOKENS[:2])
    second, final_of_parts = model(TOKENS[2:], state)
    assert_same((whole, final), (torch.cat((first, second)), final_of_parts))


def test_initial_weights_lie_within_the_bound_and_gates_start_closed() -> None:
    model = network()
    model.initialise_uniform_(0.04, gate_bias=-3.0)
    for name, parameter in model.named_parameters():
        if "recurrent" in name and "bias" in name:
            assert parameter.tolist() == [0.0] * 7 + [-3.0] * 7
        else:
            assert parameter.abs().max() <= 0.04
            assert bool(parameter.any()) == ("bias" not in name)


class Recording(torch.nn.Module):
    """In the place of the highway layer: keeps what it is given."""

    width = 7
    recurrent = (None,) * 3

    def forward(self, inputs: Tensor, state: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        self.inputs, self.mask = inputs, mask
        return torch.ones(*inputs.shape[:2], self.width, dtype=inputs.dtype), state


def dropped(**probabilities: float) -> tuple[Recording, Tensor]:
    """What the highway layer and the softmax layer read under drop-out."""
    model = network().train()
    model.dropout = VariationalDropout(**probabilities)
    torch.nn.init.ones_(model.embedding.weight)
    layer = Recording()
    model.highway = layer  # type: ignore[assignment]  # a stand-in
    features, _ = model.features(TOKENS)
    return layer, features


def values(tensor: Tensor) -> set[float]:
    return set(tensor.flatten().tolist())


def test_a_dropped_word_is_dropped_wherever_the_sequence_has_it() -> None:
    layer, features = dropped(words=0.5)
    assert values(layer.inputs) == {0.0, 2.0}
    for stream in range(3):
        for word in values(TOKENS[:, stream]):
            assert len(values(layer.inputs[TOKENS[:, stream] == word, stream])) == 1
    assert bool((features == 1).all())


def test_masks_hold_at_all_time_steps() -> None:
    layer, _ = dropped(inputs=0.5)
    assert values(layer.inputs) == {0.0, 2.0}
    assert torch.equal(layer.inputs, layer.inputs[:1].expand_as(layer.inputs))
    _, features = dropped(output=0.75)
    assert values(features) == {0.0, 4.0}
    assert torch.equal(features, features[:1].expand_as(features))
    layer, _ = dropped(state=0.25)
    assert layer.mask is not None
    assert values(layer.mask) == {0.0, 1 / 0.75}


def test_a_dropped_unit_is_read_by_no_highway_step_and_still_carried_on() -> None:
    model = network()
    mask = torch.ones(3, 7, dtype=torch.float64)
    mask[:, 2] = 0.0
    inputs = model.embedding(TOKENS)
    state = torch.randn(3, 7, dtype=torch.float64)
    other = state.clone()
    other[:, 2] += 1.0
    one, two = (model.highway(inputs, start, mask)[0].detach() for start in (state, other))
    others = [unit for unit in range(7) if unit != 2]
    assert_same(one[..., others], two[..., others])
    assert bool((one[..., 2] != two[..., 2]).all())


def test_dropout_is_active_only_in_training() -> None:
    model = network()
    model.dropout = VariationalDropout(0.2, 0.2, 0.2, 0.2)
    assert_same(model(TOKENS), model(TOKENS))
    model.train()
    assert not torch.equal(model(TOKENS)[0], model(TOKENS)[0])


@st.composite
def sparse_networks(draw: st.DrawFn) -> tuple[RecurrentHighwayNetwork, list[int]]:
    """A network of any size and some of its units."""
    width = draw(st.integers(2, 9))
    model = network(
        width,
        seed=draw(st.integers(0, 99)),
        depth=draw(st.integers(1, 4)),
        embedding_size=draw(st.sampled_from([None, 5])),
    )
    dead = draw(st.sets(st.integers(0, width - 1), min_size=1, max_size=width - 1))
    return model, sorted(dead)


@settings(max_examples=25)
@given(sparse_networks(), st.sampled_from([(torch.float64, 1e-10), (torch.float32, 1e-5)]))
def test_shrunk_equals_sparse(
    drawn: tuple[RecurrentHighwayNetwork, list[int]], precision: tuple[torch.dtype, float]
) -> None:
    (model, dead), (dtype, tolerance) = drawn, precision
    model.to(dtype)
    groups = groups_of(model)
    groups[0].zero_(dead)
    small = issrnn.shrink(model, groups)
    assert isinstance(small, RecurrentHighwayNetwork)
    left = model.highway.width - len(dead)
    sizes = model.architecture.model_copy(update={"hidden_sizes": (left,)})
    assert small.architecture == sizes
    assert {name: tuple(p.shape) for name, p in small.named_parameters()} == sizes.shapes()
    kept = [unit for unit in range(model.highway.width) if unit not in dead]
    with torch.no_grad():
        logits, (state,) = model(TOKENS)
        assert_same((logits, (state[..., kept],)), small(TOKENS), tolerance)


@settings(max_examples=10)
@given(sparse_networks())
def test_training_goes_on_as_if_the_zeros_were_still_there(
    drawn: tuple[RecurrentHighwayNetwork, list[int]],
) -> None:
    model, dead = drawn
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    groups = groups_of(model)
    state = step(model, optimizer, None)[1]
    groups[0].zero_(dead)
    # The twin stays sparse: its dead components are set back to zero after every step.
    twin, twin_optimizer = copy.deepcopy((model, optimizer))
    twin_groups, twin_state = groups_of(twin), state
    live = issrnn.shrink_(model, groups, optimizer, state)
    assert live.removed == {"highway": len(dead)}
    state = live.states
    for _ in range(2):
        loss, state = step(model, optimizer, state)
        twin_loss, twin_state = step(twin, twin_optimizer, twin_state)
        twin_groups[0].zero_(dead)
        assert_same(twin_loss, loss)
    small = issrnn.shrink(twin, twin_groups)
    assert_same(dict(small.named_parameters()), dict(model.named_parameters()))


def step(
    model: RecurrentHighwayNetwork, optimizer: torch.optim.Optimizer, state: Any
) -> tuple[Tensor, Any]:
    logits, (after,) = model(TOKENS[:-1], state)
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), TOKENS[1:].flatten())
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    optimizer.step()
    return loss.detach(), (after.detach(),)


@pytest.mark.parametrize("weight", ["embedding.weight", "highway.recurrent.2.weight"])
def test_a_unit_that_one_weight_still_reads_stays(weight: str) -> None:
    model = network()
    groups = groups_of(model)
    groups[0].zero_([1, 4])
    with torch.no_grad():
        model.get_parameter(weight)[3, 4] = 0.5
    small = issrnn.shrink(model, groups)
    assert small.get_submodule("highway.input").in_features == 6
