"""python -m edgekit …"""

import contextlib
import os
import sys
from collections.abc import Iterator

from edgekit.cli import main


@contextlib.contextmanager
def own_stdout() -> Iterator[None]:
    """Keep stdout for what EdgeKit prints. Libraries in C write there too, as HiGHS does: that goes to stderr."""
    before = sys.stdout
    sys.stdout = kept = os.fdopen(os.dup(1), "w", encoding=before.encoding, errors=before.errors, buffering=1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout = before
        with contextlib.suppress(BrokenPipeError):  # whoever read it has seen enough: `… | head`
            kept.close()


if __name__ == "__main__":  # a process that a worker starts imports this file, and must not start a worker again
    with own_stdout():
        main()
