"""Sparse matrices come back exactly, are small, and are refused if anything does not fit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from issrnn.sparse_storage import SparseMatrix, pack, unpack


@given(
    arrays.arrays(
        st.sampled_from([np.float16, np.float32]),
        arrays.array_shapes(min_dims=2, max_dims=2, max_side=40),
        elements=st.sampled_from([0.0, 0.0, 0.0, 0.0, -1.5, 2.0, 1e-7]),
    )
)
def test_every_matrix_comes_back_exactly(dense: np.ndarray) -> None:
    sparse = SparseMatrix.of(dense)
    again = sparse.dense(dense.shape)
    assert again.dtype == dense.dtype
    np.testing.assert_array_equal(again, dense)
    assert len(sparse.values) == np.count_nonzero(dense)


@pytest.mark.parametrize("gap", [0, 1, 254, 255, 256, 509, 510, 511, 100_000])
def test_gaps_of_any_length_are_kept(gap: int) -> None:
    dense = np.zeros((3, 200_000), np.float32)
    dense[0, 7] = dense.reshape(-1)[7 + 1 + gap] = 1.0
    sparse = SparseMatrix.of(dense)
    np.testing.assert_array_equal(sparse.dense(dense.shape), dense)
    assert len(sparse.gaps) == 2 + gap // 255


def test_a_weight_takes_a_byte_besides_its_value() -> None:
    dense = np.random.default_rng(0).normal(size=(2000, 128)).astype(np.float16)
    dense[np.random.default_rng(1).random(dense.shape) >= 0.04] = 0.0
    sparse = SparseMatrix.of(dense)
    assert sparse.nbytes == pytest.approx(3 * np.count_nonzero(dense), rel=0.001)
    assert sparse.nbytes < 0.07 * dense.nbytes


def test_a_matrix_is_sparse_where_that_is_smaller() -> None:
    lively = np.ones((4, 4), np.float32)
    weights: dict[str, np.ndarray] = {
        "full": lively,
        "half": lively * np.eye(4, dtype=np.float32),
        "bias": np.zeros(9),
    }
    stored, counts = pack(weights)
    assert counts == {"half": 4}
    assert set(stored) == {"full", "half.values", "half.gaps", "bias"}
    shapes = {name: weight.shape for name, weight in weights.items()}
    again = unpack(stored, counts, shapes)
    assert again.keys() == weights.keys()
    for name, weight in weights.items():
        np.testing.assert_array_equal(again[name], weight)


VALUES, GAPS = np.ones(3, np.float32), np.array([0, 255, 1, 2], np.uint8)


@pytest.mark.parametrize(
    ("values", "gaps", "shape", "message"),
    [
        (VALUES, GAPS, (2, 130), "a weight at place 260 of 260"),
        (VALUES, np.array([0, 1, 2, 255, 255], np.uint8), (2, 130), "a weight at place 515"),
        (VALUES[:2], GAPS, (20, 20), "2 values for 3 places"),
        (VALUES, GAPS[:2], (20, 20), "3 values for 1 places"),
        (VALUES, GAPS.astype(np.int64), (20, 20), "gaps are int64"),
        (VALUES.astype(np.int32), GAPS, (20, 20), "values are int32"),
        (VALUES.reshape(1, 3), GAPS, (20, 20), r"values are float32 \(1, 3\)"),
        (VALUES, GAPS.reshape(2, 2), (20, 20), r"gaps are uint8 \(2, 2\)"),
    ],
)
def test_places_and_values_that_do_not_fit_are_refused(
    values: np.ndarray, gaps: np.ndarray, shape: tuple[int, int], message: str
) -> None:
    stored = {"w.values": values, "w.gaps": gaps}
    with pytest.raises(ValueError, match=f"w is no sparse matrix: .*{message}"):
        unpack(stored, {"w": values.size}, {"w": shape})


def test_a_missing_or_unknown_sparse_matrix_is_named() -> None:
    stored: dict[str, np.ndarray] = {"w.values": VALUES, "w.gaps": GAPS}
    shapes = {"w": (20, 20)}
    with pytest.raises(ValueError, match="there is no sparse matrix v"):
        unpack(stored, {"v": 3}, shapes)
    with pytest.raises(ValueError, match="there is no sparse matrix w"):
        unpack({"w.values": VALUES}, {"w": 3}, shapes)
    with pytest.raises(ValueError, match="there is no sparse matrix w"):
        unpack(stored, {"w": 3}, {})
    with pytest.raises(ValueError, match="w has 3 weights, should have 4"):
        unpack(stored, {"w": 4}, shapes)
