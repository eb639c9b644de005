"""The program ``flrdt``, which is also ``python -m flrdt``."""

import os
import sys


def main() -> int:
    """Run the command line of this process; returns the exit code."""
    try:
        from flrdt.evaluate.machine.program import program
    except KeyboardInterrupt:  # the module that takes the signals over is not there yet
        os.write(2, b"flrdt: interrupted\n")
        os._exit(130)
    return program()


if __name__ == "__main__":
    sys.exit(main())
