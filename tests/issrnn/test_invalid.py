"""Pydantic's errors in words for the author of a document."""

from __future__ import annotations

from typing import Annotated, Self

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError, model_validator

from issrnn.invalid import first_problem


class Range(BaseModel):
    low: int
    high: int

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low > self.high:
            raise ValueError("low is above high")
        return self


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"a": [{"low": 1}]}', "a.0.high: Field required"),
        ('{"a": [{"low": 2, "high": 1}]}', "a.0: low is above high"),
        ('{"A": []}', "A: String should match pattern '^[a-z]$'"),
        ("[]", "Input should be an object"),
    ],
)
def test_the_first_problem_is_told_with_its_field(content: str, told: str) -> None:
    adapter = TypeAdapter(dict[Annotated[str, Field(pattern="^[a-z]$")], list[Range]])
    with pytest.raises(ValidationError) as raised:
        adapter.validate_json(content)
    assert first_problem(raised.value) == told
