"""Groups by declaration: an own cell is found, shrunk and trained on like any other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import issrnn
from tests.issrnn import architectures as arch
from tests.issrnn.readers import Reader, X
from tests.issrnn.shrinking import assert_same, example


class Highway(nn.Module):
    """One-step recurrent highway layer of own making (Zilly et al., 2017), depth 2, tied input."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.width = width
        self.inputs = nn.Linear(5, 2 * width)
        self.hidden = nn.ModuleList(nn.Linear(width, 2 * width) for _ in range(2))
        self.decoder = nn.Linear(width, 3)

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Tensor]:
        s = x.new_zeros(x.shape[1], self.width) if state is None else state
        outputs = []
        for step in x:
            for depth, layer in enumerate(self.hidden):
                both = layer(s) + (self.inputs(step) if depth == 0 else 0)
                h, t = both.split(self.width, -1)
                s = torch.tanh(h) * torch.sigmoid(t) + s * (1 - torch.sigmoid(t))
            outputs.append(s)
        return self.decoder(torch.stack(outputs)), s


def highway_declaration() -> dict[str, Any]:
    made = [("inputs", 2), ("hidden.0", 2), ("hidden.1", 2)]
    slices = [
        {"parameter": f"{name}.weight", "axis": 0, "role": "produces", "blocks": blocks}
        for name, blocks in made
    ]
    slices += [
        {"parameter": f"{name}.bias", "axis": 0, "role": "produces", "blocks": 2, "counted": False}
        for name, _ in made
    ]
    slices += [
        {"parameter": f"{name}.weight", "axis": 1, "role": "reads"}
        for name in ("hidden.0", "hidden.1", "decoder")
    ]
    attributes = [{"module": "", "name": "width"}]
    group = {"owner": "highway", "size": 6, "slices": slices, "attributes": attributes}
    return {"groups": [group], "states": [{"owner": "highway", "output": 1}]}


def test_an_own_cell_is_shrunk_exactly() -> None:
    model, inputs = example(Highway(), torch.randn(4, 3, 5))
    groups = issrnn.declare_groups(model, highway_declaration(), inputs)
    assert groups[0].weights_per_component == 2 * 5 + 2 * (2 * 6 + 2 * 6) + 3
    groups[0].zero_([1, 4])
    small = issrnn.shrink(model, groups)
    assert small.get_submodule("decoder").in_features == 4
    assert getattr(small, "width") == 4  # noqa: B009  a plain attribute of the user's
    assert_same(model(*inputs)[0], small(*inputs)[0])


def test_an_own_cell_is_shrunk_live_with_its_state() -> None:
    model, inputs = example(Highway(), torch.randn(4, 3, 5))
    groups = issrnn.declare_groups(model, highway_declaration(), inputs)
    optimizer = torch.optim.Adam(model.parameters())
    state = model(*inputs)[1].detach()
    for dead in ([1, 4], [0]):
        groups[0].zero_(dead)
        before = model(*inputs, state)[0]
        live = issrnn.shrink_(model, groups, optimizer, state)
        groups, state = live.groups, live.states
        assert_same(before, model(*inputs, state)[0])
        optimizer.zero_grad()
        torch.autograd.backward(model(*inputs, state)[0].sum())
        optimizer.step()
    assert state.shape == (3, 3)
    assert groups[0].size == 3
    assert groups[0].weights_per_component == 2 * 5 + 2 * (2 * 3 + 2 * 3) + 3


def test_a_forgotten_reader_is_noticed() -> None:
    model, inputs = example(Highway(), torch.randn(4, 3, 5))
    declaration = highway_declaration()
    declaration["groups"][0]["slices"].pop()  # the decoder
    groups = issrnn.declare_groups(model, declaration, inputs)
    groups[0].zero_([1])
    with pytest.raises(issrnn.ShrinkError, match="fails on the example inputs: mat1 and mat2"):
        issrnn.shrink(model, groups)


def test_found_groups_written_as_json_can_be_declared_again(tmp_path: Path) -> None:
    model = arch.Sequence2Label("lstm", "sequence")
    found = issrnn.find_groups(model, torch.randn(4, 3, 5))
    path = tmp_path / "groups.json"
    path.write_text(issrnn.groups_to_json(found))
    declared = issrnn.declare_groups(model, path)
    assert str(declared) == str(found)
    assert_same(declared[0].norms(), found[0].norms())


def test_parts_of_a_layer_may_have_readers_of_their_own() -> None:
    model = Reader(
        lambda m, x: m.fc(m.rnn(x)[0][..., :3]) + m.others[0](m.rnn(x)[0][..., 3:]),
        nn.Linear(3, 2),
    )
    model.fc = nn.Linear(3, 2)
    found = issrnn.find_groups(model, X)
    document = json.loads(issrnn.groups_to_json(found))
    assert str(issrnn.declare_groups(model, document).groups[0]) == str(found[0])
    (group,) = document["groups"]
    group["slices"] = [
        each
        for each in group["slices"]
        if each["parameter"] not in ("others.0.weight", "rnn.weight_hh_l0")
    ]
    with pytest.raises(issrnn.DeclarationError, match="none reads component 3 of 'rnn'"):
        issrnn.declare_groups(model, document)


def test_a_declaration_written_as_json_shrinks_as_before(tmp_path: Path) -> None:
    model, (inputs,) = example(Highway(), torch.randn(4, 3, 5))
    first = issrnn.declare_groups(model, highway_declaration(), inputs)
    path = tmp_path / "groups.json"
    path.write_text(issrnn.groups_to_json(first))
    groups = issrnn.declare_groups(model, path, inputs)
    groups[0].zero_([1, 3])
    small = issrnn.shrink(model, groups)
    assert_same(small(inputs)[0], model(inputs)[0])
    assert issrnn.groups_to_json(groups) == path.read_text()


def test_gates_that_alternate_are_declared_by_their_stride() -> None:
    model = nn.Sequential(nn.Linear(5, 12), nn.Linear(12, 3))
    slices = [
        {"parameter": "0.weight", "axis": 0, "role": "produces", "stride": 2, "blocks": 2,
         "block_stride": 1},
        {"parameter": "1.weight", "axis": 1, "role": "reads", "offset": 6},
    ]  # fmt: skip
    group = {"owner": "x", "size": 6, "slices": slices}
    groups = issrnn.declare_groups(model, {"groups": [group]})
    assert groups[0].slices[0].positions.tolist() == [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]
    assert groups[0].slices[1].positions.tolist() == [6, 7, 8, 9, 10, 11]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "parameter": ({"parameter": "hidden.0.wight"}, "did you mean 'hidden.0.weight'"),
    "axis": ({"axis": 2}, "groups.0.slices.0.axis: inputs.weight has 2 axes"),
    "beyond": ({"offset": 3}, "has 12 places, position 14 is beyond"),
    "overlap": ({"block_stride": 3}, "a position occurs twice"),
    "role": ({"role": "writes"}, "groups.0.slices.0.role: Input should be"),
    "unknown field": ({"start": 3}, "groups.0.slices.0.start: Extra inputs"),
    "lists": ({"positions": [0, 1], "components": [0]}, "2 positions and 1 components"),
    "no such component": ({"positions": [0], "components": [6]}, "must be 0 to 5"),
    "twice": ({"parameter": "hidden.0.weight"}, "are declared twice"),
}


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_name_the_field(name: str) -> None:
    change, message = WRONG[name]
    declaration = highway_declaration()
    declaration["groups"][0]["slices"][0] |= change
    with pytest.raises(issrnn.DeclarationError, match=message):
        issrnn.declare_groups(Highway(), declaration)


def test_a_declared_state_is_one_of_the_inputs() -> None:
    inputs = (torch.randn(4, 3, 5), torch.zeros(3, 6))
    state = {"owner": "highway", "output": 1}
    wrong = {
        "states.0.input: .* hold 2 tensors": {"input": 2},
        "states.0.axis: .* 2 axes": {"input": 1, "axis": 2},
    }
    for message, change in wrong.items():
        declaration = highway_declaration() | {"states": [state | change]}
        with pytest.raises(issrnn.DeclarationError, match=message):
            issrnn.declare_groups(Highway(), declaration, inputs)


def test_mistakes_outside_the_slices(tmp_path: Path) -> None:
    model = Highway()
    declaration = highway_declaration()
    declaration["states"][0]["owner"] = "lowway"
    with pytest.raises(issrnn.DeclarationError, match=r"states.0.owner: no group is called"):
        issrnn.declare_groups(model, declaration)
    declaration = highway_declaration()
    declaration["groups"][0]["attributes"] = [{"module": "", "name": "breadth"}]
    with pytest.raises(issrnn.DeclarationError, match="has no 'breadth'"):
        issrnn.declare_groups(model, declaration)
    declaration = highway_declaration()
    declaration["groups"][0]["slices"] = declaration["groups"][0]["slices"][:3]
    with pytest.raises(issrnn.DeclarationError, match="none reads component 0 of 'highway'"):
        issrnn.declare_groups(model, declaration)
    declaration = highway_declaration()
    declaration["groups"] *= 2
    with pytest.raises(issrnn.DeclarationError, match="'highway' is declared twice"):
        issrnn.declare_groups(model, declaration)
    path = tmp_path / "groups.json"
    with pytest.raises(issrnn.DeclarationError, match="cannot read"):
        issrnn.declare_groups(model, path)
    path.write_text("{")
    with pytest.raises(issrnn.DeclarationError, match="is not JSON"):
        issrnn.declare_groups(model, path)
    path.write_text(json.dumps({"groups": 3}))
    with pytest.raises(issrnn.DeclarationError, match="groups: Input should be"):
        issrnn.declare_groups(model, path)
