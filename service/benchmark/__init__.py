"""Time of dense, ISS and sparse models on every engine: ``python -m service.benchmark``."""

from service.benchmark.record import Benchmark, Share, Timing
from service.benchmark.run import run_benchmark
from service.benchmark.shares import share_of_layers
from service.benchmark.tables import to_markdown

__all__ = ["Benchmark", "Share", "Timing", "run_benchmark", "share_of_layers", "to_markdown"]
