"""What a job has freed goes back to the system."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import os
import numpy as np
from edgekit.core.memory import give_back, share_heaps

def pages():
    return int(open("/proc/self/statm").read().split()[1])

share_heaps()
pieces = [bytearray(64_000) for _ in range(2000)]  # 128 MB in pieces too small to be mapped each by itself
kept = pieces[-1]
del pieces
before = pages()
give_back()
print((before - pages()) * os.sysconf("SC_PAGE_SIZE"))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps what was freed")
def test_freed_memory_goes_back_to_the_system():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 50e6
