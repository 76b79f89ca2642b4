"""This machine, as measurements name it."""

import os
import subprocess
import sys

import psutil

from edgekit.core.host import this_host


def test_the_host_is_what_the_system_says():
    host = this_host()
    assert host.cores <= os.cpu_count()
    assert host.memory_bytes == psutil.virtual_memory().total
    assert host.cpu
    assert list(host.features) == sorted(host.features)
    assert host.architecture == host.architecture.lower()


def test_the_same_machine_has_the_same_id_in_another_process():
    program = "from edgekit.core.host import this_host; print(this_host().id)"
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == this_host().id


def test_looking_up_the_host_loads_nothing_heavy():
    program = "import sys, edgekit.core.host; print([m for m in ('torch', 'onnx', 'onnxruntime') if m in sys.modules])"
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == "[]"
