"""``python -m training``."""

import sys

from training.allocator import restart_with_settings

__all__ = ()

if __name__ == "__main__":
    restart_with_settings()
    from training.cli import main  # after the restart, which needs no torch

    sys.exit(main())
