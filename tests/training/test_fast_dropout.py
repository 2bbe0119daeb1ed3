"""The fast drop-out is nn.Dropout in everything but speed."""

import pytest
import torch

from training.fast_dropout import FastDropout


@pytest.mark.parametrize("p", [0.2, 0.5, 0.65])
def test_the_right_share_survives_scaled(p: float) -> None:
    torch.manual_seed(0)
    x = torch.full((50, 401, 10), 3.0)
    y = FastDropout(p)(x)
    assert sorted(y.unique().tolist()) == pytest.approx([0.0, 3 / (1 - p)], rel=1e-4)
    share = float((y != 0).float().mean())
    assert share == pytest.approx(1 - p, abs=0.005)  # four standard deviations
    assert float(y.mean()) == pytest.approx(3.0, rel=0.02)


def test_elements_are_independent_of_their_neighbours() -> None:
    torch.manual_seed(0)
    kept = (FastDropout(0.5)(torch.ones(100_000)) != 0).float() - 0.5
    for distance in (1, 2, 3, 4):
        assert abs(float((kept[distance:] * kept[:-distance]).mean())) < 0.004


def test_the_gradient_passes_what_survived() -> None:
    torch.manual_seed(0)
    x = torch.randn(7, 9, requires_grad=True)
    y = FastDropout(0.5)(x)
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.equal((y != 0) * 2.0)


def test_evaluation_and_probability_zero_pass_everything() -> None:
    x = torch.randn(5, 3)
    assert FastDropout(0.5).eval()(x) is x
    assert FastDropout(0.0)(x) is x
    assert FastDropout(1.0)(x).equal(torch.zeros(5, 3))


def test_the_seed_decides() -> None:
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(FastDropout(0.5)(torch.ones(1000)))
    assert draws[0].equal(draws[1])
    assert not draws[0].equal(draws[2])
