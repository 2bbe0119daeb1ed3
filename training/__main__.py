"""``python -m training``."""

import signal
import sys

from training.allocator import restart_with_settings

__all__ = ()

if __name__ == "__main__":
    restart_with_settings()
    interrupt = signal.getsignal(signal.SIGINT)
    if interrupt is signal.default_int_handler:  # not ignored, as under nohup
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C during the imports: no traceback
    from training.cli import main  # after the restart, which needs no torch

    signal.signal(signal.SIGINT, interrupt)
    sys.exit(main())
