"""A shrunk network and the sparse one it came from give the same outputs."""

import pytest
import torch

from issrnn.architecture import Cell
from issrnn.networks import LanguageModel
from tests.training.conftest import tiny
from training.expansion import expand_network, survivors
from training.session import dead_units, find_model_groups, shrink_network


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_expansion_undoes_shrinking(cell: Cell) -> None:
    torch.manual_seed(0)
    wide = LanguageModel(tiny("ptb-lstm-small-dense", f"cell={cell}").architecture(9)).double()
    groups = find_model_groups(wide)
    groups[0].zero_([0, 3, 4])
    groups[1].zero_([7])
    small = shrink_network(wide, groups)
    kept = survivors([list(range(12)), list(range(10))], dead_units(wide, groups))
    assert kept == [[1, 2, 5, 6, 7, 8, 9, 10, 11], [0, 1, 2, 3, 4, 5, 6, 8, 9]]
    back = expand_network(small, kept, (12, 10))
    words = torch.randint(9, (6, 2))
    torch.testing.assert_close(back(words)[0], wide(words)[0], rtol=1e-10, atol=1e-10)
    assert [int((g.norms() == 0).sum()) for g in find_model_groups(back)] == [3, 1]


def test_kept_units_must_fit() -> None:
    model = LanguageModel(tiny().architecture(9))
    with pytest.raises(ValueError, match="kept units"):
        expand_network(model, [[0], [1]], (12, 10))
    with pytest.raises(ValueError, match="beyond the former sizes"):
        expand_network(model, [list(range(12)), list(range(10))], (11, 10))
