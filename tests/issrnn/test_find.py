"""Which groups are found, what they hold, and what is refused for which reason."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import issrnn
from issrnn.architecture import RecurrentLanguageModel
from issrnn.networks import LanguageModel
from issrnn.surgery import source_of
from tests.issrnn import architectures as arch

X = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(1))
TOKENS = torch.zeros(2, 1, dtype=torch.int64)


def language_model(cell: Any = "lstm", sizes: tuple[int, ...] = (6, 6)) -> LanguageModel:
    return LanguageModel(
        RecurrentLanguageModel(cell=cell, vocabulary_size=11, embedding_size=5, hidden_sizes=sizes)
    )


class Reader(nn.Module):
    """An LSTM whose output goes through any function."""

    def __init__(
        self, read: Callable[[Any, Any], Any], *modules: nn.Module, **options: Any
    ) -> None:
        super().__init__()
        self.rnn = nn.LSTM(5, 6, **options)
        self.fc = nn.Linear(6, 3)
        self.others = nn.ModuleList(modules)
        self.read = read

    def forward(self, x: Tensor) -> Any:
        return self.read(self, x)


def refusals(model: nn.Module, *inputs: Any) -> dict[str, str]:
    groups = issrnn.find_groups(model, inputs)
    return {refusal.owner: refusal.reason for refusal in groups.refused}


def test_group_sizes_of_the_published_network_are_exact() -> None:
    # Wen et al. 2018: 2 x 1500 units, vocabulary and embedding as in Table 1.
    with torch.device("meta"):
        model = LanguageModel(
            RecurrentLanguageModel(
                vocabulary_size=10000, embedding_size=1500, hidden_sizes=(1500, 1500)
            )
        )
    groups = issrnn.find_groups(model.to_empty(device="cpu"), TOKENS)
    assert [(g.owner, g.size, g.weights_per_component) for g in groups] == [
        ("layers.0", 1500, 24000),
        ("layers.1", 1500, 28000),
    ]
    assert not groups.refused


def test_a_group_prints_as_a_readable_table() -> None:
    table = str(issrnn.find_groups(language_model(sizes=(6,)), TOKENS))
    assert "layers.0                                  6           79" in table
    assert "reads    decoder.weight, axis 1, 6 positions" in table
    assert "bias_hh_l0, axis 0, 24 positions (removed with the unit, not regularised)" in table


def test_components_are_chosen_by_number_or_mask() -> None:
    groups = issrnn.find_groups(language_model(), TOKENS)
    group = groups[0]
    group.zero_(group.norms() > 0)
    assert not group.norms().any()
    with pytest.raises(IndexError, match=r"layers\.0 has 6 components, the mask has 5 places"):
        group.zero_([True] * 5)
    with pytest.raises(TypeError, match=r"integers or a bool mask, not torch\.float"):
        group.zero_(torch.tensor([0.5]))
    assert str(group) == "\n".join(str(groups).splitlines()[:8])


def test_the_model_and_its_random_numbers_are_left_alone() -> None:
    model = Reader(lambda m, x: m.fc(m.others[0](m.rnn(x)[0])), nn.Dropout(0.5)).train()
    state = torch.get_rng_state()
    issrnn.find_groups(model, X)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training
    assert model.others[0].training
    assert "forward" not in vars(model.rnn)


def test_tied_layers_form_one_group() -> None:
    inputs = torch.randn(5, 3, 4), torch.randn(4, 3, 4)
    (group,) = issrnn.find_groups(arch.LuongDecoder("gru"), inputs)
    assert group.owner == "encoder + decoder"
    assert group.size == 6


def test_biases_count_where_a_product_of_activations_reads_a_unit() -> None:
    inputs = torch.randn(5, 3, 4), torch.randn(4, 3, 4)
    (group,) = issrnn.find_groups(arch.LuongDecoder("gru"), inputs)
    assert all(part.counted for part in group.slices)
    (group,) = issrnn.find_groups(arch.Convolved(), X.transpose(0, 1))
    assert {part.parameter for part in group.slices if not part.counted} == {
        "rnn.bias_ih_l0",
        "rnn.bias_hh_l0",
    }


def test_a_residual_connection_ties_the_rows_that_are_added() -> None:
    (group,) = issrnn.find_groups(arch.ResidualStack(), torch.randn(5, 3, 4))
    assert group.owner == "layers.0 + layers.1"
    made = {part.parameter for part in group.slices if part.role == "produces"}
    assert {"project.weight", "project.bias"} <= made


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_a_state_that_the_model_takes_back_is_no_output(cell: str) -> None:
    assert [g.owner for g in issrnn.find_groups(language_model(cell), TOKENS)] == [
        "layers.0",
        "layers.1",
    ]


def test_a_state_among_the_example_inputs_is_no_output() -> None:
    class Required(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.fc = nn.LSTM(5, 6), nn.Linear(6, 3)

        def forward(self, x: Tensor, h: Tensor, c: Tensor) -> Any:
            out, (h, c) = self.rnn(x, (h, c))
            return {"logits": self.fc(out), "h": h.detach(), "c": c}

    groups = issrnn.find_groups(Required(), (X, torch.zeros(1, 3, 6), torch.zeros(1, 3, 6)))
    assert [g.owner for g in groups] == ["rnn"]


def test_separate_optional_parameters_for_h_and_c_are_tried_together() -> None:
    class Optional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.fc = nn.LSTM(5, 6), nn.Linear(6, 3)

        def forward(self, x: Tensor, h: Any = None, c: Any = None) -> Any:
            out, (h, c) = self.rnn(x, None if h is None else (h, c))
            return self.fc(out), h, c

    assert [g.owner for g in issrnn.find_groups(Optional(), X)] == ["rnn"]


REFUSED: dict[str, tuple[nn.Module, str]] = {
    "output": (
        Reader(lambda m, x: (m.fc(m.rnn(x)[0]), m.rnn(x)[0])),
        "reaches the model's output (output[1])",
    ),
    "state": (Reader(lambda m, x: (m.fc(m.rnn(x)[0]), m.rnn(x)[1][0])), "not seen to take it back"),
    "part of the state": (
        Reader(lambda m, x: (m.fc(m.rnn(x)[0]), m.rnn(x)[1][0][0])),
        "reaches the model's output (output[1])",
    ),
    "layer norm": (
        Reader(lambda m, x: m.fc(m.others[0](m.rnn(x)[0])), nn.LayerNorm(6)),
        "native_layer_norm in `others.0`",
    ),
    "softmax": (
        Reader(lambda m, x: m.fc(m.rnn(x)[0].softmax(-1))),
        "softmax in the model's forward runs over all of its units",
    ),
    "mean": (Reader(lambda m, x: m.rnn(x)[0].mean(-1)), "mean in the model's forward"),
    "sort": (Reader(lambda m, x: m.fc(m.rnn(x)[0].sort(-1)[0])), "sort in the model's forward"),
    "numpy": (
        Reader(lambda m, x: m.fc(torch.from_numpy(np.tanh(m.rnn(x)[0].numpy())))),
        "their values leave torch",
    ),
    "in place": (
        Reader(lambda m, x: m.fc(torch.zeros(4, 3, 6).copy_(m.rnn(x)[0]))),
        "written into another tensor",
    ),
    "index": (
        Reader(lambda m, x: m.fc(m.rnn(x)[0][(m.rnn(x)[0] > 0).any(-1)])),
        "any in the model's forward",
    ),
    "glu": (
        Reader(lambda m, x: m.others[0](nn.functional.glu(m.rnn(x)[0])), nn.Linear(3, 2)),
        "glu in the model's forward",
    ),
    "proj_size": (
        Reader(lambda m, x: m.others[0](m.rnn(x)[0]), nn.Linear(4, 2), proj_size=4),
        "without proj_size",
    ),
    "never run": (
        Reader(lambda m, x: m.others[0](x), nn.Linear(5, 2)),
        "was not run by the example inputs",
    ),
    "units as steps": (
        Reader(lambda m, x: m.others[0](m.rnn(x)[0].transpose(0, 2))[0], nn.LSTM(4, 2)),
        "runs over its units as if they were steps",
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_removed_exactly_is_refused_with_the_reason(name: str) -> None:
    model, reason = REFUSED[name]
    found = refusals(model, X)
    assert reason in found["rnn"]
    assert "rnn" not in [group.owner for group in issrnn.find_groups(model, X)]


def test_only_the_units_concerned_are_refused() -> None:
    model = Reader(lambda m, x: (m.fc(m.rnn(x)[0]), m.rnn(x)[0][..., :2]))
    groups = issrnn.find_groups(model, X)
    assert [(g.owner, g.size) for g in groups] == [("rnn", 4)]
    assert groups.refused[0].reason.startswith("2 of 6 units: reaches the model's output")


def test_a_unit_that_is_picked_by_itself_is_refused() -> None:
    model = Reader(lambda m, x: m.fc(m.rnn(x)[0]) + m.rnn(x)[0][..., 2].unsqueeze(-1))
    (refusal,) = issrnn.find_groups(model, X).refused
    assert refusal.reason.startswith("1 of 6 units: a single unit is picked")


def test_a_weight_drop_is_refused_by_name() -> None:
    model = Reader(lambda m, x: m.fc(m.rnn(x)[0]))
    torch.nn.utils.parametrizations.weight_norm(model.rnn, "weight_hh_l0")
    assert "weight_hh_l0 is no plain parameter" in refusals(model, X)["rnn"]


def test_modules_that_did_not_run_are_named() -> None:
    model = Reader(lambda m, x: m.fc(m.rnn(x)[0]), nn.Linear(6, 2))
    assert refusals(model, X) == {
        "others.0": "was not run by the example inputs: nothing is known of it"
    }


def test_inputs_and_outputs_of_other_kinds_are_refused_clearly() -> None:
    with pytest.raises(TypeError, match="example_inputs must be a tensor"):
        issrnn.find_groups(language_model(), 3)
    with pytest.raises(TypeError, match="the model's output is a object"):
        issrnn.find_groups(Reader(lambda *_: object()), X)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script")
def test_parts_of_groups_and_classes_are_refused_clearly() -> None:
    model = language_model()
    with pytest.raises(TypeError, match="pass all groups as find_groups"):
        issrnn.shrink(model, issrnn.find_groups(model, TOKENS)[:1])  # type: ignore[arg-type]  # on purpose
    with pytest.raises(TypeError, match="must be an nn"):
        issrnn.find_groups(LanguageModel, TOKENS)  # type: ignore[arg-type]  # on purpose


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, when it loads its compiler
def test_compiled_and_scripted_models_are_refused_clearly() -> None:
    compiled: Any = torch.compile(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="pass the module they came from"):
        issrnn.find_groups(compiled, X)
    with pytest.raises(ValueError, match="pass the module they came from"):
        issrnn.find_groups(torch.jit.script(nn.Linear(2, 2)), X)


def test_a_layer_of_one_unit_is_a_group_of_one() -> None:
    model = nn.LSTM(5, 1, num_layers=2)
    groups = issrnn.find_groups(model, X)
    assert [(g.owner, g.size) for g in groups] == [("l0", 1)]
    groups[0].zero_([0])
    assert issrnn.count(issrnn.shrink(model, groups), X).sizes == {"l0": 1, "l1": 1}


def test_a_model_that_keeps_its_state_itself_is_left_alone() -> None:
    class Stateful(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.fc = nn.GRU(5, 6), nn.Linear(6, 3)
            self.state: Any = None

        def forward(self, x: Tensor) -> Any:
            out, state = self.rnn(x, self.state)
            self.state = state.detach()
            return self.fc(out)

    model = Stateful()
    with torch.no_grad():
        model(X)
    before = model.state.clone()
    groups = issrnn.find_groups(model, X)
    groups[0].zero_([1, 2])
    small = issrnn.shrink(model, groups)
    assert torch.equal(model.state, before)
    with torch.no_grad():
        torch.testing.assert_close(small(X), model(X))


def test_named_inputs_and_a_bare_recurrent_module() -> None:
    groups = issrnn.find_groups(nn.LSTM(5, 6, num_layers=2), {"input": X})
    assert [g.owner for g in groups] == ["l0"]
    assert groups.refused[0].owner == "l1"


class Attention(nn.Module):
    """Its scores are divided by the root of the number of units."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.rnn, self.fc = nn.GRU(5, units), nn.Linear(units, 3)

    def forward(self, x: Tensor) -> Any:
        y = self.rnn(x)[0].transpose(0, 1)
        scores = (y @ y.transpose(1, 2) / y.size(-1) ** 0.5).softmax(-1)
        return self.fc((scores @ y).mean(1))


@pytest.mark.parametrize("units", [32, 512])
def test_a_size_in_the_code_is_noticed_at_any_width(units: int) -> None:
    torch.manual_seed(0)
    model = Attention(units)
    groups = issrnn.find_groups(model, X)
    with torch.no_grad():
        for weight in model.rnn.parameters():  # as after some training
            weight.mul_(2)
    groups[0].zero_(range(units // 2))
    small = issrnn.shrink(model, groups)
    assert small.get_submodule("rnn").input_size == 5
    assert torch.allclose(small(X), model(X), atol=1e-6)


def test_a_size_in_the_code_is_noticed_in_small_outputs() -> None:
    torch.manual_seed(0)
    read = lambda m, x: (m.fc(m.rnn(x)[0] / m.rnn.hidden_size**0.5) * 1e-3).softmax(-1)  # noqa: E731
    model = Reader(read)
    groups = issrnn.find_groups(model, X)
    groups[0].zero_(range(4))
    small = issrnn.shrink(model, groups)
    assert torch.allclose(small(X), model(X), rtol=1e-6)


def test_a_series_of_single_numbers_has_weights_and_no_biases() -> None:
    model = Reader(lambda m, x: m.fc(m.rnn(x)[0]))
    model.rnn = nn.LSTM(1, 6)
    (group,) = issrnn.find_groups(model, torch.randn(4, 3, 1))
    assert group.weights_per_component == 4 * 1 + 4 * 6 + 4 * 6 + 3
    group.zero_([2])
    assert not model.rnn.get_parameter("weight_ih_l0").view(4, 6)[:, 2].any()


class Residual(nn.LSTM):
    def forward(self, x: Tensor, hx: Any = None) -> Any:  # type: ignore[override]
        y, state = super().forward(x, hx)
        return y + x[..., :1], state


class OutputOnly(nn.LSTM):
    def forward(self, x: Tensor, hx: Any = None) -> Any:  # type: ignore[override]
        return super().forward(x, hx)[0]


class OfLengths(nn.LSTM):
    def forward(self, x: Tensor, lengths: Tensor) -> Any:  # type: ignore[override]
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
        return nn.utils.rnn.pad_packed_sequence(super().forward(packed)[0])


class Stack(nn.Module):
    """An LSTM, a layer of another class, a linear layer."""

    def __init__(self, upper: nn.Module, *more: Any) -> None:
        super().__init__()
        self.lower, self.upper, self.fc, self.more = nn.LSTM(5, 4), upper, nn.Linear(6, 3), more

    def forward(self, x: Tensor) -> Any:
        y = self.upper(self.lower(x)[0], *self.more)
        return self.fc(y[0] if isinstance(y, tuple) else y)


@pytest.mark.parametrize(
    "model",
    [
        Stack(Residual(4, 6)),
        Stack(OutputOnly(4, 6)),
        Stack(OfLengths(4, 6), torch.tensor([4, 4, 4])),
    ],
    ids=lambda model: type(model.upper).__name__,
)
def test_a_subclass_that_computes_something_else_is_refused_before_training(model: Stack) -> None:
    groups = issrnn.find_groups(model, X)
    assert not groups
    reasons = {refusal.owner: refusal.reason for refusal in groups.refused}
    assert all("a forward of its own" in reasons[owner] for owner in ("lower", "upper"))


def test_a_cell_of_its_own_kind_is_refused_by_name() -> None:
    class Own(nn.RNNCellBase):
        def __init__(self) -> None:
            super().__init__(5, 6, bias=True, num_chunks=1)

        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.linear(x, self.weight_ih, self.bias_ih).tanh()

    model = nn.Sequential(Own(), nn.Linear(6, 3))
    assert "a Own is no LSTM, GRU or RNN of torch" in refusals(model, X[0])["0"]


def test_weights_that_two_modules_share_are_refused() -> None:
    class Siamese(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right, self.fc = nn.GRU(5, 6), nn.GRU(5, 6), nn.Linear(6, 3)
            for name, _ in list(self.left.named_parameters()):
                setattr(self.right, name, getattr(self.left, name))

        def forward(self, x: Tensor) -> Tensor:
            fc: Tensor = self.fc(self.left(x)[0] + self.right(x.flip(0))[0])
            return fc

    found = refusals(Siamese(), X)
    reason = "right.weight_ih_l0 is also left.weight_ih_l0: call one module in both places"
    assert found == {"left": reason, "right": reason}


def test_weights_that_two_layers_share_are_refused() -> None:
    model = Reader(lambda m, x: m.fc(m.rnn(x)[0]), num_layers=3)
    model.rnn.weight_hh_l2 = model.rnn.weight_hh_l1
    assert refusals(model, X) == {"rnn": "weight_hh_l2 is shared with another layer of the module"}


def test_random_numbers_of_python_and_numpy_decide_the_same_each_time() -> None:
    def read(m: Reader, x: Tensor) -> Tensor:
        y: Tensor = m.fc(m.rnn(x)[0])
        return y * (random.random() < 0.5) + y * float(np.random.random())

    of_python, of_numpy = random.getstate(), np.random.get_state(legacy=False)
    model = Reader(read)
    groups = issrnn.find_groups(model, X)
    groups[0].zero_([1])
    issrnn.shrink(model, groups)
    assert not source_of(groups).fixed[0].any()
    assert random.getstate() == of_python
    np.testing.assert_equal(np.random.get_state(legacy=False), of_numpy)


def test_the_gpus_random_numbers_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seeded: list[int] = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    issrnn.find_groups(Reader(lambda m, x: m.fc(m.rnn(x)[0])), X)
    assert not seeded


def test_an_initial_state_like_zeros_of_ones_is_not_taken_for_zero() -> None:
    def read(m: Reader, x: Tensor) -> Tensor:
        start = torch.ones_like(torch.zeros(1, 3, 6))
        y: Tensor = m.fc(m.rnn(x, (start, start))[0])
        return y

    torch.manual_seed(0)
    model = Reader(read)
    groups = issrnn.find_groups(model, X)
    with torch.no_grad():  # what makes the unit new is zero, but it does not start at zero
        for weight in model.rnn.parameters():
            weight[2 * 6 + 1] = 0.0
    assert not issrnn.removable_components(model, groups)[0].any()
    assert torch.allclose(issrnn.shrink(model, groups)(X), model(X))


def test_a_model_wrapped_for_distributed_training_is_refused_clearly() -> None:
    wrapped = object.__new__(nn.parallel.DistributedDataParallel)
    with pytest.raises(ValueError, match="pass the module inside"):
        issrnn.find_groups(wrapped, X)
