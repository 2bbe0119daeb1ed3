"""Group lasso against its definition (paper Eq. 2 to 4), written out naively."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from issrnn.find import find_groups
from issrnn.groups import Group, Slice
from issrnn.lasso import EPSILON, GroupLasso, l1_subgradient_, threshold_

HIDDEN, INPUTS, OUTPUTS = 5, 3, 4


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.lstm = nn.LSTM(INPUTS, HIDDEN)
        self.linear = nn.Linear(HIDDEN, OUTPUTS)


def lstm_group(model: Net) -> Group:
    """The ISS group of the one LSTM layer: rows of four gates, recurrent and Linear's columns."""
    rows, units = torch.arange(4 * HIDDEN), torch.arange(HIDDEN)
    return Group(
        owner="lstm",
        size=HIDDEN,
        slices=(
            Slice("lstm.weight_ih_l0", 0, rows, rows % HIDDEN, "produces"),
            Slice("lstm.weight_hh_l0", 0, rows, rows % HIDDEN, "produces"),
            Slice("lstm.bias_ih_l0", 0, rows, rows % HIDDEN, "produces", counted=False),
            Slice("lstm.weight_hh_l0", 1, units, units, "reads"),
            Slice("linear.weight", 1, units, units, "reads"),
        ),
        model=model,
    )


def naive_lengths(model: Net) -> torch.Tensor:
    """Every weight on a row and on a column of the recurrent matrix counts in both groups."""
    w_ih, w_hh = (model.get_parameter(f"lstm.weight_{kind}_l0") for kind in ("ih", "hh"))
    squares = []
    for k in range(HIDDEN):
        rows = [gate * HIDDEN + k for gate in range(4)]
        parts = (w_ih[rows], w_hh[rows], w_hh[:, k], model.linear.weight[:, k])
        squares.append(sum(float(part.detach().double().square().sum()) for part in parts))
    return torch.tensor(squares, dtype=torch.float64).sqrt()


def test_lengths_and_penalty_follow_equation_2() -> None:
    model = Net()
    lasso = GroupLasso([lstm_group(model)])
    torch.testing.assert_close(lasso.lengths().double(), naive_lengths(model))
    torch.testing.assert_close(lstm_group(model).norms(), naive_lengths(model))
    assert lasso.penalty() == pytest.approx(float(naive_lengths(model).sum()))


def test_the_gradient_is_that_of_the_penalty() -> None:
    model = Net()
    group = lstm_group(model)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    GroupLasso([group]).add_gradient_(0.3)

    # Autograd of Eq. 2 with the root of Eq. 4.
    squares = torch.zeros(HIDDEN)
    for s in group.slices:
        if s.counted:
            weight = model.get_parameter(s.parameter)
            per_position = weight.movedim(s.axis, 0)[s.positions].flatten(1).square().sum(1)
            squares = squares.index_add(0, s.components, per_position)
    penalty = 0.3 * (EPSILON + squares).sqrt().sum()
    names = ["lstm.weight_ih_l0", "lstm.weight_hh_l0", "linear.weight"]
    parameters = [model.get_parameter(name) for name in names]
    for parameter, expected in zip(
        parameters, torch.autograd.grad(penalty, parameters), strict=True
    ):
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad, expected)
    bias_gradient = model.get_parameter("lstm.bias_ih_l0").grad
    assert bias_gradient is not None
    assert not bias_gradient.any()


def test_a_gradient_step_without_backward_is_refused() -> None:
    model = Net()
    with pytest.raises(ValueError, match="backward"):
        GroupLasso([lstm_group(model)]).add_gradient_(0.1)
    with pytest.raises(ValueError, match="backward"):
        l1_subgradient_(model.parameters(), 0.1)


def test_the_proximal_step_zeroes_short_groups_and_shortens_long_ones() -> None:
    model = Net()
    group = lstm_group(model)
    before = group.norms()
    strength = float(before.sort().values[1]) * 1.0001  # the two shortest must die
    GroupLasso([group]).proximal_step_(strength)
    after = group.norms()
    assert set(torch.nonzero(after == 0).flatten().tolist()) == set(before.argsort()[:2].tolist())
    alive = after > 0
    assert (after[alive] < before[alive]).all()
    assert model.get_parameter("lstm.bias_ih_l0").detach().any()


def test_a_small_proximal_step_agrees_with_a_gradient_step() -> None:
    """To first order in the strength, overlapping groups included."""
    strength = 1e-4
    by_gradient, by_proximal = Net(), Net()
    for parameter in by_gradient.parameters():
        parameter.grad = torch.zeros_like(parameter)
    GroupLasso([lstm_group(by_gradient)]).add_gradient_(strength)
    torch.optim.SGD(by_gradient.parameters(), lr=1.0).step()
    GroupLasso([lstm_group(by_proximal)]).proximal_step_(strength)
    for a, b in zip(by_gradient.parameters(), by_proximal.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-7)


def test_blocks_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, in_blocks = Net(), Net()
    GroupLasso([lstm_group(whole)]).proximal_step_(0.05, threshold=0.01)
    monkeypatch.setattr("issrnn.membership._BLOCK_ELEMENTS", 7)
    GroupLasso([lstm_group(in_blocks)]).proximal_step_(0.05, threshold=0.01)
    for a, b in zip(whole.parameters(), in_blocks.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_thresholding_zeroes_what_is_below_tau_in_place() -> None:
    weight = nn.Parameter(torch.tensor([[0.5, -0.05], [0.1, -0.2]]))
    threshold_([weight], 0.1)
    assert weight.tolist() == [[0.5, 0.0], [0.0, pytest.approx(-0.2)]]


def test_l1_adds_the_sign_of_each_weight() -> None:
    weight = nn.Parameter(torch.tensor([2.0, -3.0, 0.0]))
    weight.grad = torch.ones(3)
    l1_subgradient_([weight], 0.5)
    assert weight.grad.tolist() == [1.5, 0.5, 1.0]


def test_a_zeroed_component_has_length_zero_and_stays_within_range() -> None:
    group = lstm_group(Net())
    group.zero_([0, 3])
    assert (group.norms() == 0).tolist() == [True, False, False, True, False]
    with pytest.raises(IndexError, match="0 to 4"):
        group.zero_([5])


def test_a_convolution_can_be_the_reader() -> None:
    class Convolved(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(INPUTS, HIDDEN, batch_first=True)
            self.conv = nn.Conv1d(HIDDEN, OUTPUTS, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = self.conv(self.lstm(x)[0].transpose(1, 2))
            return result

    model = Convolved()
    (group,) = find_groups(model, torch.randn(2, 4, INPUTS))
    lasso = GroupLasso([group])
    lengths = group.norms()
    torch.testing.assert_close(lasso.lengths().double(), lengths)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    lasso.add_gradient_(0.5)
    weight, gradient = model.conv.weight.detach().clone(), model.conv.weight.grad
    torch.testing.assert_close(gradient, 0.5 * weight / lengths.float()[:, None])
    lasso.proximal_step_(0.1)
    shrunk = weight * (1 - 0.1 / lengths.float())[:, None]
    torch.testing.assert_close(model.conv.weight.detach(), shrunk)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_of_half_precision_are_refused(dtype: torch.dtype) -> None:
    model = Net().to(dtype)
    with pytest.raises(ValueError, match=f"weights in {dtype} is lost to rounding"):
        GroupLasso([lstm_group(model)])
    model.requires_grad_(requires_grad=False)  # only measured
    lengths = GroupLasso([lstm_group(model)]).lengths()
    torch.testing.assert_close(lengths.double(), naive_lengths(model), rtol=1e-5, atol=0)


def test_negative_strengths_are_refused() -> None:
    lasso = GroupLasso([lstm_group(Net())])
    with pytest.raises(ValueError, match="strength must be at least 0, not -1"):
        lasso.proximal_step_(-1.0)
    with pytest.raises(ValueError, match="tau must be at least 0, not nan"):
        threshold_([], float("nan"))


def test_weights_that_are_not_trained_are_never_changed() -> None:
    model = nn.LSTM(3, 4)
    weights = dict(model.named_parameters())
    weights["weight_ih_l0"].requires_grad_(False)
    slices = [
        Slice(name, 0, torch.arange(16), torch.arange(4).repeat(4), "produces")
        for name in ("weight_ih_l0", "weight_hh_l0")
    ]
    lasso = GroupLasso([Group("rnn", 4, tuple(slices), model)])
    before = {name: weight.clone() for name, weight in weights.items()}
    torch.autograd.backward(model(torch.randn(5, 2, 3))[0].sum())
    lasso.add_gradient_(0.1)
    lasso.proximal_step_(0.1)
    assert torch.equal(weights["weight_ih_l0"], before["weight_ih_l0"])
    assert not torch.equal(weights["weight_hh_l0"], before["weight_hh_l0"])


class PartlyRead(nn.Module):
    """A parameter of which some rows and columns belong to components."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.weight = nn.Parameter(torch.randn(shape))


@given(
    rows=st.sets(st.integers(0, 4)),
    columns=st.sets(st.integers(0, 5)),
    shape=st.sampled_from([(5, 6), (5, 6, 2)]),
    block_elements=st.sampled_from([7, 15, 1000]),
)
def test_only_weights_of_the_groups_are_thresholded_and_get_the_subgradient(
    rows: set[int], columns: set[int], shape: tuple[int, ...], block_elements: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("issrnn.membership._BLOCK_ELEMENTS", block_elements)
        _check_only_weights_of_the_groups_change(rows, columns, shape)


def _check_only_weights_of_the_groups_change(
    rows: set[int], columns: set[int], shape: tuple[int, ...]
) -> None:
    model = PartlyRead(shape)
    positions = [(0, torch.tensor([*rows]).long()), (1, torch.tensor([*columns]).long())]
    group = Group(
        owner="layer",
        size=6,
        slices=tuple(Slice("weight", axis, p, p, "reads") for axis, p in positions if len(p)),
        model=model,
    )
    before = model.weight.detach().clone()
    owned = torch.zeros(shape, dtype=torch.bool)
    for axis, indices in positions:
        owned.index_fill_(axis, indices, value=True)
    model.weight.grad = torch.zeros(shape)
    lasso = GroupLasso([group])
    lasso.l1_subgradient_(0.5)
    assert model.weight.grad.equal(0.5 * before.sign() * owned)
    lasso.threshold_(0.4)
    expected = torch.where(owned & (before.abs() <= 0.4), torch.zeros(()), before)
    assert model.weight.equal(expected)
    lasso.proximal_step_(0.0, threshold=0.8)
    assert model.weight.equal(torch.where(owned & (before.abs() <= 0.8), torch.zeros(()), before))


@pytest.mark.parametrize("tau", [0.1, 0.3])
def test_where_all_weights_belong_to_groups_all_are_thresholded(tau: float) -> None:
    ours, theirs = Net(), Net()
    for parameter in (*ours.parameters(), *theirs.parameters()):
        parameter.grad = torch.ones_like(parameter)
    lasso, same = GroupLasso([lstm_group(ours)]), GroupLasso([lstm_group(theirs)])
    lasso.l1_subgradient_(0.2)
    l1_subgradient_(same.parameters, 0.2)
    lasso.threshold_(tau)
    threshold_(same.parameters, tau)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert one.equal(other)
        assert one.grad is not None
        assert other.grad is not None
        assert one.grad.equal(other.grad)
