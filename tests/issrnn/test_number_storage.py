"""Weights come back from the numbers of a file as near as these allow, and from int8 for good."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from issrnn.number_storage import decode, encode

MATRICES = arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=2, max_dims=3, max_side=9),
    elements=st.floats(-100, 100, width=32, allow_subnormal=False),
)


@given(MATRICES)
def test_int8_is_at_most_half_a_step_off(matrix: np.ndarray) -> None:
    again = decode(encode({"w": matrix}, "int8"))["w"]
    rows = matrix.reshape(len(matrix), -1)
    steps = np.abs(rows).max(axis=1, keepdims=True) / 127
    assert again.shape == matrix.shape
    assert (np.abs(again.reshape(rows.shape) - rows) <= 0.5001 * steps).all()


@given(MATRICES)
def test_what_was_read_from_int8_is_stored_as_the_same_bytes(matrix: np.ndarray) -> None:
    stored = encode({"w": matrix}, "int8")
    again = encode(decode(stored), "int8")
    assert again.keys() == stored.keys()
    np.testing.assert_array_equal(decode(again)["w"], decode(stored)["w"])


def test_zeros_stay_zeros_and_vectors_fp32() -> None:
    weights = {
        "w": np.array([[0.0, 0.0], [0.0, 3.0]], np.float32),
        "b": np.array([0.1, 0.2], np.float32),
    }
    stored = encode(weights, "int8")
    assert {name: array.dtype.name for name, array in stored.items()} == {
        "w": "int8",
        "w.scale": "float32",
        "b": "float32",
    }
    assert decode(stored).keys() == weights.keys()
    np.testing.assert_array_equal(stored["w"], [[0, 0], [0, 127]])
    np.testing.assert_array_equal(decode(stored)["b"], weights["b"])


@pytest.mark.parametrize("number_type", ["float32", "float16"])
def test_floats_are_rounded_once(number_type: str) -> None:
    weights = {"w": np.array([[0.1, 70.3]], np.float32)}
    stored = encode(weights, number_type)  # type: ignore[arg-type]
    assert stored["w"].dtype == number_type
    np.testing.assert_array_equal(decode(stored)["w"], weights["w"].astype(number_type))


@pytest.mark.parametrize("scale", [None, np.ones(3, np.float32)])
def test_int8_without_a_scale_for_each_row_is_refused(scale: np.ndarray | None) -> None:
    stored = {"w": np.ones((2, 3), np.int8)} | ({} if scale is None else {"w.scale": scale})
    with pytest.raises(ValueError, match="w is int8 and has no scale for each of its rows"):
        decode(stored)
