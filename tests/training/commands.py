"""``python -m tests.training.commands DTYPE COMMAND ... [+ DTYPE COMMAND ...]``.

The project's command line, several times in one process, each with weights of a type of its own: in
float64, sums taken in another order hardly differ.
"""

import sys
from itertools import groupby

import torch

from training.cli import main

if __name__ == "__main__":
    codes = []
    for is_separator, command in groupby(sys.argv[1:], key="+".__eq__):
        if not is_separator:
            dtype, *arguments = command
            torch.set_default_dtype(getattr(torch, dtype))
            codes.append(main(arguments))
    sys.exit(max(codes))
