"""How tests are shared out between processes (``pytest -n``), and that none is timed."""

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# Beside other work a first example takes longer than the 0.2 s that hypothesis allows by default.
hypothesis.settings.register_profile("untimed", hypothesis.settings(deadline=None))
hypothesis.settings.load_profile("untimed")

DEAR = frozenset(
    {
        "tests/test_readme.py",
        "tests/training/search/test_halving.py",
        "tests/training/test_distributed.py",
        "tests/training/test_fine_tuning.py",
        "tests/training/test_results.py",
    }
)
"""Modules of which all tests go to one process, so that what they share, which takes many seconds
to make, is made once."""


class KeepDearModulesWhole(LoadScopeScheduling):  # type: ignore[misc] # untyped
    """Shares out single tests, but for the modules in `DEAR`."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.split("::", maxsplit=1)[0]
        return module if module in DEAR else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Xdist's hook (https://pytest-xdist.readthedocs.io/en/stable/distribution.html)."""
    return KeepDearModulesWhole(config, log)
