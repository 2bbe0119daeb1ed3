"""``python -m loadtests``: see `loadtests.cli`."""

# ruff: noqa: E402 - gevent's patches come before anything that imports ssl or threading
from gevent import monkey

monkey.patch_all()

import sys

from loadtests.cli import main

__all__ = ()

if __name__ == "__main__":
    sys.exit(main())
