"""python -m edgekit …"""

import os
import sys

from edgekit.cli import main


def own_stdout() -> None:
    """Keep stdout for what EdgeKit prints. Libraries in C write there too, as HiGHS does: that goes to stderr."""
    kept = os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors, buffering=1)
    os.dup2(2, 1)
    sys.stdout = kept


if __name__ == "__main__":  # a process that a worker starts imports this file, and must not start a worker again
    own_stdout()
    main()
