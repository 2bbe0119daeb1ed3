"""A shrunk network and the sparse one it came from give the same outputs."""

import pytest
import torch

from issrnn.architecture import Cell
from issrnn.networks import LanguageModel
from tests.training.conftest import tiny
from tests.training.language_modelling.corpora import random_corpus
from training.language_modelling.expansion import expand_network
from training.language_modelling.experiment import LanguageModelling
from training.shrinking import shrink_network


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_expansion_undoes_shrinking(cell: Cell) -> None:
    torch.manual_seed(0)
    experiment = LanguageModelling(tiny("ptb-lstm-small-dense", f"cell={cell}"), random_corpus())
    wide = experiment.plain_network(experiment.dense_architecture()).double()
    groups = experiment.find_groups(wide)
    groups[0].zero_([0, 3, 4])
    groups[1].zero_([7])
    everything = [list(range(12)), list(range(10))]
    small, kept = shrink_network(experiment, wide, everything, tau=0.0)
    assert kept == [[1, 2, 5, 6, 7, 8, 9, 10, 11], [0, 1, 2, 3, 4, 5, 6, 8, 9]]
    back = experiment.expand(small, kept)
    words = torch.randint(15, (6, 2))
    torch.testing.assert_close(back(words)[0], wide(words)[0], rtol=1e-10, atol=1e-10)
    assert [int((g.norms() == 0).sum()) for g in experiment.find_groups(back)] == [3, 1]


def test_kept_units_must_fit() -> None:
    model = LanguageModel(tiny().architecture(9))
    with pytest.raises(ValueError, match="kept units"):
        expand_network(model, [[0], [1]], (12, 10))
    with pytest.raises(ValueError, match="beyond the former sizes"):
        expand_network(model, [list(range(12)), list(range(10))], (11, 10))
