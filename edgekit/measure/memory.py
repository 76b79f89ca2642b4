"""How much memory a file needs: the peak of a fresh process that opens and runs it, above what it held without a file.

That counts everything a device would have to hold besides the bare runtime: weights (as read and as rearranged for the
processor's kernels), activations of one sample, and about 10 MB that the runtime sets up with its first file.
"""

import math
from pathlib import Path

import numpy as np

from edgekit.core.host import this_host
from edgekit.core.measurement import Measurement, Origin
from edgekit.core.progress import Progress, part, silent
from edgekit.measure import child
from edgekit.measure.lock import rest_while_others_measure

PROCESSES = 3
STUDENT_T = 4.303  # holds 95 % of the mean of three


def peak_memory(path: Path, threads: int = 1, progress: Progress = silent) -> Measurement:
    """The peak of resident memory, the mean of three processes; about half a second.

    Raises:
        MeasureError: the file cannot be run here.
    """
    job = {"do": "memory", "paths": [path], "threads": threads}
    peaks, version = [], ""
    for number in range(PROCESSES):
        rest_while_others_measure(progress)
        told = part(progress, number / PROCESSES, (number + 1) / PROCESSES)
        result = child.run(job, told, "measuring memory")
        peaks.append(result["bytes"])
        version = result["version"]
    child.stand_by()
    progress(1.0, "memory measured")
    mean = float(np.mean(peaks))
    half = STUDENT_T * float(np.std(peaks, ddof=1)) / math.sqrt(PROCESSES)
    return Measurement(
        metric="peak_memory_bytes", value=mean, low=max(0.0, mean - half), high=mean + half, origin=Origin.MEASURED,
        device=this_host().id,
        how=f"resident memory of {PROCESSES} fresh processes, one sample, without the bare runtime, "
        f"ONNX Runtime {version}",
    )  # fmt: skip
