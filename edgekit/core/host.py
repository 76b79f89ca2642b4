"""The machine that measures, as every latency names it: latency is only ever compared within one host."""

import ctypes
import functools
import hashlib
import math
import os
import platform
import subprocess
from pathlib import Path

import psutil
from pydantic import BaseModel

_X86 = ("avx2", "fma", "f16c", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16")
_ARM = ("asimddp", "asimdhp", "i8mm", "bf16", "sve", "sve2")
_APPLE = {"FEAT_DotProd": "asimddp", "FEAT_FP16": "asimdhp", "FEAT_I8MM": "i8mm", "FEAT_BF16": "bf16"}
_WINDOWS = {40: "avx2", 41: "avx512f", 43: "asimddp"}  # winnt.h, PF_…; there is none for VNNI


class Host(BaseModel, frozen=True):
    """What a measurement must name about the machine it was taken on.

    Attributes:
        id: short hash of the rest; the same machine gives the same id.
        cpu: the processor's name.
        architecture: "x86_64", "aarch64", …
        features: instruction sets that matter for integer arithmetic, such as "avx512_vnni".
        cores: processors this process may use.
        memory_bytes: all of it.
    """

    id: str
    cpu: str
    architecture: str
    features: tuple[str, ...]
    cores: int
    memory_bytes: int
    system: str

    @property
    def has_fast_int8(self) -> bool:
        """Whether uint8 × int8 products are summed without overflow and at full speed (VNNI, or an ARM core)."""
        return self.architecture in ("aarch64", "arm64") or any("vnni" in f for f in self.features)


@functools.cache
def this_host() -> Host:
    """Processor, instruction sets, cores and memory; looked up once."""
    facts = {
        "cpu": _cpu(),
        "architecture": platform.machine().lower(),
        "features": _features(),
        "cores": _cores(),
        "memory_bytes": psutil.virtual_memory().total,
        "system": platform.system(),
    }
    return Host(id=hashlib.sha256(repr(sorted(facts.items())).encode()).hexdigest()[:12], **facts)


def _cpu() -> str:
    if platform.system() == "Darwin":
        return _sysctl("machdep.cpu.brand_string")
    known = _cpuinfo()
    return known.get("model name") or known.get("Model") or platform.processor() or platform.machine()


def _features() -> tuple[str, ...]:
    """Those that matter to integer and half-precision arithmetic, under the names that Linux gives them."""
    if platform.system() == "Darwin":
        found = {name for key, name in _APPLE.items() if _sysctl(f"hw.optional.arm.{key}") == "1"}
        return tuple(sorted(found))
    if platform.system() == "Windows":
        has = ctypes.windll.kernel32.IsProcessorFeaturePresent
        return tuple(sorted(name for number, name in _WINDOWS.items() if has(number)))
    known = _cpuinfo()
    flags = set((known.get("flags") or known.get("Features") or "").split())
    return tuple(sorted(flags.intersection(_X86 + _ARM)))


def _cores() -> int:
    """Processors this process may use: by its affinity, and by the share of its container."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = Path("/sys/fs/cgroup/cpu.max")
    if limit.is_file():
        quota, period = limit.read_text().split()
        if quota != "max":
            allowed = min(allowed, math.ceil(int(quota) / int(period)))
    return max(allowed, 1)


@functools.cache
def _cpuinfo() -> dict[str, str]:
    """The first processor of /proc/cpuinfo; empty where there is no such file."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(errors="replace").splitlines() if file.is_file() else []
    pairs = [line.partition(":") for line in lines if ":" in line]
    return {name.strip(): value.strip() for name, _, value in reversed(pairs)}


def _sysctl(name: str) -> str:
    answer = subprocess.run(["/usr/sbin/sysctl", "-n", name], capture_output=True, text=True, check=False)
    return answer.stdout.strip()
