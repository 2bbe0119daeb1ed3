"""SET: the number of weights never changes, whatever moves; what does not exist stays zero."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from issrnn.set_masks import Gates, SparseEvolution, erdos_renyi_count


class Tagger(nn.Module):
    """Written as anyone would write it; nothing in it knows of sparse training."""

    def __init__(self, *, sparse_gradients: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(40, 8, sparse=sparse_gradients)
        self.lstm = nn.LSTM(8, 10, num_layers=2, bidirectional=True)
        self.linear = nn.Linear(20, 3)

    def forward(self, words: Tensor) -> Tensor:
        scores: Tensor = self.linear(self.lstm(self.embedding(words))[0])
        return scores


WORDS = torch.arange(60).reshape(12, 5) % 40


def train_step(model: nn.Module, evolution: SparseEvolution, *optimizers: object) -> None:
    """A step as the module's documentation has it, towards arbitrary tags."""
    scores = model(WORDS).flatten(0, 1)
    torch.autograd.backward(nn.functional.cross_entropy(scores, WORDS.flatten() % 3))
    evolution.mask_gradients_()
    for optimizer in optimizers:
        assert isinstance(optimizer, torch.optim.Optimizer)
        optimizer.step()
    evolution.mask_weights_()
    model.zero_grad()


def absent_weights(model: nn.Module, evolution: SparseEvolution) -> Tensor:
    parts = [model.get_parameter(n).detach()[~mask] for n, mask in evolution.masks.items()]
    return torch.cat(parts)


@pytest.mark.parametrize(
    "module",
    [
        nn.LSTM(5, 6, num_layers=2, bidirectional=True),
        nn.LSTM(5, 6, proj_size=3),
        nn.GRU(5, 6),
        nn.RNN(5, 6),
        nn.LSTMCell(5, 6),
        nn.GRUCell(5, 6),
        nn.Embedding(30, 4),
    ],
)
def test_every_matrix_of_every_recurrent_module_is_sparse(module: nn.Module) -> None:
    evolution = SparseEvolution(module, epsilon=0.7)
    matrices = {name for name, parameter in module.named_parameters() if parameter.dim() == 2}
    assert set(evolution.masks) == matrices
    for name, mask in evolution.masks.items():
        weight = module.get_parameter(name)
        assert torch.equal(weight != 0, mask)
        assert 0 < evolution.counts[name] < weight.numel()


def test_each_gate_starts_with_the_density_of_the_formula() -> None:
    model = Tagger()
    evolution = SparseEvolution(model, epsilon=1.5)
    assert evolution.counts["embedding.weight"] == round(1.5 * (40 + 8))
    for gate in evolution.masks["lstm.weight_ih_l1_reverse"].chunk(4):
        assert int(gate.sum()) == round(1.5 * (10 + 20))
    assert not set(evolution.masks) & {"linear.weight", "lstm.bias_ih_l0"}


def test_a_matrix_never_gets_more_weights_than_places_nor_none() -> None:
    assert erdos_renyi_count(3, 4, 100.0) == 12
    assert erdos_renyi_count(3, 4, 1e-9) == 1


def test_the_smallest_positive_and_the_largest_negative_weights_go() -> None:
    embedding = nn.Embedding(4, 5)
    evolution = SparseEvolution(embedding, epsilon=0.9, zeta=0.5)  # 8 weights
    mask = evolution.masks["weight"]
    values = torch.tensor([0.1, 0.9, 0.2, 0.8, -0.01, -0.02, -0.3, -0.4])
    with torch.no_grad():
        embedding.weight[mask] = values
    assert evolution.evolve_() == {"weight": 4}
    left = embedding.weight.detach()[embedding.weight != 0]
    assert left.sort().values.tolist() == pytest.approx([-0.4, -0.3, 0.8, 0.9])


def test_a_place_is_not_taken_again_by_the_weight_that_left_it() -> None:
    embedding = nn.Embedding(6, 6)
    evolution = SparseEvolution(embedding, epsilon=1.0, zeta=0.9)
    before = evolution.masks["weight"].clone()
    (moved,) = evolution.evolve_().values()
    assert int((before & ~evolution.masks["weight"]).sum()) == moved


def test_weights_that_no_gradient_reached_move_without_regard_to_their_place() -> None:
    embedding = nn.Embedding(400, 20)
    evolution = SparseEvolution(embedding, epsilon=4.0, zeta=0.3)
    for _ in range(20):
        evolution.evolve_()
    first, last = (int(half.sum()) for half in evolution.masks["weight"].chunk(2))
    assert first == pytest.approx(last, rel=0.15)


def test_a_full_matrix_keeps_its_weights() -> None:
    lstm = nn.LSTM(2, 3)
    before = copy.deepcopy(lstm.state_dict())
    evolution = SparseEvolution(lstm, epsilon=100.0, zeta=0.5)
    assert set(evolution.evolve_().values()) == {0}
    for name, weight in lstm.state_dict().items():
        assert torch.equal(weight, before[name])


@given(
    epsilon=st.floats(0.05, 4.0),
    zeta=st.floats(0.0, 0.99),
    gates=st.sampled_from(["apart", "together"]),
    seed=st.integers(0, 2**32),
    rounds=st.integers(1, 4),
)
def test_the_number_of_weights_never_changes(
    epsilon: float, zeta: float, gates: Gates, seed: int, rounds: int
) -> None:
    model = Tagger()
    evolution = SparseEvolution(model, epsilon=epsilon, zeta=zeta, gates=gates, seed=seed)
    start = evolution.counts
    gate_counts = [[int(g.sum()) for g in m.chunk(4)] for m in evolution.masks.values()]
    for _ in range(rounds):
        moved = evolution.evolve_()
        assert evolution.counts == start
        assert all(number <= zeta * start[name] for name, number in moved.items())
        assert not absent_weights(model, evolution).any()
        if gates == "apart":
            assert gate_counts[1:] == [
                [int(g.sum()) for g in m.chunk(4)] for m in list(evolution.masks.values())[1:]
            ]


def test_weights_move_among_gates_only_if_asked_to() -> None:
    lstm = nn.LSTM(20, 20)
    evolution = SparseEvolution(lstm, epsilon=2.0, zeta=0.5, gates="together")
    with torch.no_grad():
        lstm.get_parameter("weight_hh_l0")[:20] *= 0.001  # an input gate that needs few weights
    evolution.evolve_()
    counts = [int(gate.sum()) for gate in evolution.masks["weight_hh_l0"].chunk(4)]
    assert sum(counts) == 4 * 80
    assert counts[0] < 70


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "ASGD", "RMSprop"])
def test_what_does_not_exist_stays_exactly_zero(name: str) -> None:
    settings: dict[str, dict[str, float]] = {
        "SGD": {"momentum": 0.9, "weight_decay": 0.1},
        "ASGD": {"t0": 0},
    }
    model = Tagger()
    evolution = SparseEvolution(model, epsilon=1.0)
    optimizer = getattr(torch.optim, name)(model.parameters(), lr=0.1, **settings.get(name, {}))
    for _ in range(3):
        for _ in range(3):
            train_step(model, evolution, optimizer)
            absent = absent_weights(model, evolution)
            assert not absent.any()
            assert not absent.signbit().any()
        evolution.evolve_(optimizer)


def test_gradients_of_rows_are_masked_as_well() -> None:
    model = Tagger(sparse_gradients=True)
    evolution = SparseEvolution(model, epsilon=1.0)
    torch.autograd.backward(model(WORDS[:2]).sum())
    evolution.mask_gradients_()
    gradient = model.embedding.weight.grad
    assert gradient is not None
    assert gradient.is_sparse
    dense = gradient.to_dense()
    assert dense.any()
    assert not dense[~evolution.masks["embedding.weight"]].any()
    sgd = torch.optim.SGD(model.parameters(), lr=0.1)
    train_step(model, evolution, sgd)
    assert not absent_weights(model, evolution).any()


def test_the_optimisers_state_follows() -> None:
    model = Tagger()
    evolution = SparseEvolution(model, epsilon=1.0, zeta=0.5)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    train_step(model, evolution, optimizer)
    name = "lstm.weight_hh_l0"
    before = evolution.masks[name].clone()
    state = optimizer.state[model.get_parameter(name)]
    first, steps = state["exp_avg"].clone(), state["step"].clone()
    evolution.evolve_(optimizer)
    after = evolution.masks[name]
    assert (before != after).any()
    for moment in (state["exp_avg"], state["exp_avg_sq"]):
        assert not moment[before != after].any()
    stayed = before & after
    assert torch.equal(state["exp_avg"][stayed], first[stayed])
    assert state["step"] == steps


def test_growing_changes_nothing_the_network_computes() -> None:
    model = Tagger()
    evolution = SparseEvolution(model, epsilon=1.0, zeta=0.5)
    masks = {name: mask.clone() for name, mask in evolution.masks.items()}
    pruned = copy.deepcopy(model)
    evolution.evolve_()
    with torch.no_grad():
        for name, mask in masks.items():
            pruned.get_parameter(name).mul_(mask & evolution.masks[name])
    torch.testing.assert_close(model(WORDS), pruned(WORDS))


def test_a_grown_weight_learns() -> None:
    model = Tagger()
    evolution = SparseEvolution(model, epsilon=1.0, zeta=0.5)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    train_step(model, evolution, optimizer)
    before = {name: mask.clone() for name, mask in evolution.masks.items()}
    evolution.evolve_(optimizer)
    train_step(model, evolution, optimizer)
    name = "lstm.weight_ih_l0"
    grown = evolution.masks[name] & ~before[name]
    assert model.get_parameter(name).detach()[grown].any()


def test_the_seed_decides_which_weights_exist() -> None:
    def masks(seed: int) -> list[Tensor]:
        evolution = SparseEvolution(Tagger(), epsilon=1.0, seed=seed)
        evolution.evolve_()
        return list(evolution.masks.values())

    assert all(map(torch.equal, masks(3), masks(3)))
    assert not any(map(torch.equal, masks(3), masks(4)))


def test_a_saved_evolution_goes_on_alike() -> None:
    model = Tagger()
    unbroken = SparseEvolution(model, epsilon=1.0, seed=1)
    unbroken.evolve_()
    state = unbroken.state_dict()
    weights = copy.deepcopy(model.state_dict())
    unbroken.evolve_()
    again = Tagger()
    broken = SparseEvolution(again, epsilon=1.0, seed=2)
    again.load_state_dict(weights)
    broken.load_state_dict(state)
    broken.evolve_()
    assert all(map(torch.equal, broken.masks.values(), unbroken.masks.values()))
    assert all(map(torch.equal, again.state_dict().values(), model.state_dict().values()))


def test_weights_may_be_loaded_before_the_evolution_goes_on() -> None:
    model = Tagger()
    evolution = SparseEvolution(model, epsilon=1.0, seed=1)
    evolution.evolve_()
    again = Tagger()
    again.load_state_dict(model.state_dict())
    SparseEvolution(again, epsilon=1.0, seed=2, state=evolution.state_dict())
    assert all(map(torch.equal, again.state_dict().values(), model.state_dict().values()))


def test_a_tied_matrix_is_sparse_once() -> None:
    model = Tagger()
    model.linear = nn.Linear(8, 40)
    model.linear.weight = model.embedding.weight
    evolution = SparseEvolution(model, epsilon=1.0)
    assert "linear.weight" not in evolution.masks
    assert torch.equal(model.linear.weight != 0, evolution.masks["embedding.weight"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epsilon": 0.0}, "epsilon must be above 0, not 0"),
        ({"epsilon": float("nan")}, "epsilon must be above 0, not nan"),
        ({"epsilon": 1.0, "zeta": 1.0}, "zeta must be at least 0 and below 1, not 1"),
        ({"epsilon": 1.0, "gates": "some"}, "gates must be one of apart, together, not 'some'"),
    ],
)
def test_numbers_out_of_range_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SparseEvolution(Tagger(), **arguments)  # type: ignore[arg-type]


def test_a_model_without_such_layers_is_refused() -> None:
    with pytest.raises(ValueError, match="no recurrent and no embedding layers"):
        SparseEvolution(nn.Linear(3, 3), epsilon=1.0)
    normed = nn.utils.parametrizations.weight_norm(nn.LSTM(3, 3), "weight_hh_l0")
    with pytest.raises(ValueError, match="weight_hh_l0 is no plain parameter"):
        SparseEvolution(normed, epsilon=1.0)


def test_masks_of_another_model_are_refused() -> None:
    state = SparseEvolution(nn.LSTM(3, 4), epsilon=1.0).state_dict()
    with pytest.raises(ValueError, match="of a model with other sparse parameters"):
        SparseEvolution(nn.LSTM(3, 5), epsilon=1.0).load_state_dict(state)
