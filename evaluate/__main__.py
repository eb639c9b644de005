"""``python -m flrdt.evaluate``, the same as ``python -m flrdt``."""

import sys

from .machine.program import program

if __name__ == "__main__":
    sys.exit(program())
