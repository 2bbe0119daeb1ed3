"""Follows hidden units through one run of a model: which weights make each unit, which read it.

`find_groups` is built on this package; users need only that.
"""

from issrnn.tracing.tracer import Tracer, run_traced

__all__ = ["Tracer", "run_traced"]
