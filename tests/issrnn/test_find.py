"""Which groups are found, and what they hold."""

from __future__ import annotations

import random
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
from tests.issrnn.readers import Reader, X

TOKENS = torch.zeros(2, 1, dtype=torch.int64)


def language_model(cell: Any = "lstm", sizes: tuple[int, ...] = (6, 6)) -> LanguageModel:
    return LanguageModel(
        RecurrentLanguageModel(cell=cell, vocabulary_size=11, embedding_size=5, hidden_sizes=sizes)
    )


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


def test_a_series_of_single_numbers_has_weights_and_no_biases() -> None:
    model = Reader(lambda m, x: m.fc(m.rnn(x)[0]))
    model.rnn = nn.LSTM(1, 6)
    (group,) = issrnn.find_groups(model, torch.randn(4, 3, 1))
    assert group.weights_per_component == 4 * 1 + 4 * 6 + 4 * 6 + 3
    group.zero_([2])
    assert not model.rnn.get_parameter("weight_ih_l0").view(4, 6)[:, 2].any()


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
