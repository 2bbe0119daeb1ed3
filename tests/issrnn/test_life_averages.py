"""Averages: over all steps for a weight that stays, from its growth on for one that came later."""

import copy

import pytest
import torch
from torch import nn

from issrnn.life_averages import AVERAGE, stopped_improving, update_averages_
from issrnn.set_masks import SparseEvolution


def test_each_weight_is_averaged_over_its_own_life() -> None:
    torch.manual_seed(0)
    model = nn.LSTM(6, 6)
    weight = model.get_parameter("weight_hh_l0")
    evolution = SparseEvolution(model, epsilon=0.8, zeta=0.5)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step(shift: float) -> torch.Tensor:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(shift)
        evolution.mask_weights_()
        update_averages_(optimizer)
        return weight.detach().clone()

    mask = evolution.masks["weight_hh_l0"]
    before = mask.clone()
    early = [step(0.3), step(0.5)]
    evolution.evolve_(optimizer)
    late = [step(-0.1), step(0.2), step(0.4)]
    average = optimizer.state[weight][AVERAGE]
    stayed, grown = before & mask, mask & ~before
    assert grown.any()
    torch.testing.assert_close(average[stayed], torch.stack(early + late).mean(0)[stayed])
    torch.testing.assert_close(average[grown], torch.stack(late).mean(0)[grown])
    assert not average[~mask].any()


def test_averages_are_saved_with_the_optimiser() -> None:
    model = nn.Linear(2, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(3):
        model(torch.ones(1, 2)).sum().backward()
        optimizer.step()
        update_averages_(optimizer)
    again = copy.deepcopy(model)
    loaded = torch.optim.Adam(again.parameters(), lr=0.1)
    loaded.load_state_dict(optimizer.state_dict())
    for trained in (optimizer, loaded):
        update_averages_(trained)
    assert torch.equal(optimizer.state[model.weight][AVERAGE], loaded.state[again.weight][AVERAGE])


@pytest.mark.parametrize(
    ("losses", "patience", "expected"),
    [
        ([], 1, False),
        ([3, 2, 1, 0.5], 1, False),
        ([3, 1, 2], 1, False),  # no worse than what lies more than one epoch back
        ([1, 3, 2], 1, True),
        ([1, 3, 0.5, 0.1], 1, False),
        ([1, 0.5, 2, 0.4], 0, True),
        ([1, 3, 2], 2, False),
    ],
)
def test_averaging_begins_when_the_loss_stops_falling(
    losses: list[float], patience: int, *, expected: bool
) -> None:
    assert stopped_improving(losses, patience) == expected
