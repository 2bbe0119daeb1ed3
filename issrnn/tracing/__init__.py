"""Follows hidden units through one run of a model: which weights make each unit, which read it.

`find_groups` is built on this package; users need only that.
"""

from issrnn.tracing.labels import Labels
from issrnn.tracing.tape import Flow, Product, RecurrentCall, Tape, WeightAxis
from issrnn.tracing.tracer import Tracer, run_traced

__all__ = [
    "Flow",
    "Labels",
    "Product",
    "RecurrentCall",
    "Tape",
    "Tracer",
    "WeightAxis",
    "run_traced",
]
