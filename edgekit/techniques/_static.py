"""From a float graph to one that runs on integers: plan it, watch its activations, choose codes, write it.

`quantize_static` and `quantize_weights` share this; they differ in how they turn weights into codes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnx

from edgekit.core.bench import Bench
from edgekit.core.encoding import Encoding
from edgekit.core.host import Host
from edgekit.core.progress import part
from edgekit.techniques._calibrate import watch
from edgekit.techniques._plan import plan
from edgekit.techniques._qdq import Encoder, write_qdq
from edgekit.techniques._ranges import Codes, Grid, Method, find_range, make_grid

REDUCED_BITS = 7
WHY_REDUCED = "7 bits, because this processor has no VNNI and sums could overflow"


@dataclass(frozen=True)
class Activations:
    """How activations become codes.

    Attributes:
        kind: "uint8", "int8", "uint16", or "auto" for what is fastest on the host.
        symmetric: whether the zero point is the middle code for tensors that have negative values.
        samples: calibration samples to look at.
        method: layer or node name -> how to choose the range of what it puts out, and the percentile if that is it.
    """

    kind: Literal["auto", "uint8", "int8", "uint16"]
    symmetric: bool
    samples: int
    method: Callable[[str], tuple[Method, float]]


@dataclass(frozen=True)
class Integers:
    """What came of it.

    Attributes:
        encodings: weight initializer name -> its codes.
        outputs: layer name -> the codes of what it puts out; none where that stays float.
        numbers: layer name -> how many samples were looked at, and what Seen says of the range that it reads.
    """

    encodings: dict[str, Encoding]
    outputs: dict[str, Grid]
    numbers: dict[str, dict[str, float]]


def to_integers(
    graph: onnx.ModelProto, bench: Bench, encoders: Mapping[str, Encoder], activations: Activations
) -> Integers:
    """Turn `graph`, which has no Constant nodes, into QDQ form, in place.

    The layers in `encoders` work on integers, and so does what lies between them.

    Raises:
        Cancelled: by way of the bench's progress.
    """
    what = plan(graph, set(encoders))
    dtype = activation_dtype(activations.kind, bench.host)
    codes = 2 ** (8 * np.dtype(dtype).itemsize)
    inputs = bench.calibration(activations.samples)
    seen = watch(graph, list(what.ranged), inputs, part(bench.progress, 0, 0.7))
    grids, ranging = {}, part(bench.progress, 0.7, 0.9)
    for done, (tensor, maker) in enumerate(what.ranged.items()):
        ranging(done / len(what.ranged), f"range of {maker or tensor}")
        low, high = find_range(seen[tensor], *activations.method(maker), symmetric=activations.symmetric, codes=codes)
        grids[tensor] = make_grid(low, high, dtype, activations.symmetric)
    bench.progress(0.9, "writing integers")
    encodings = write_qdq(graph, what, grids, encoders)
    bench.progress(1.0, "done")
    read = {name: seen[what.codes_of[layer.node.input[0]]] for name, layer in what.layers.items()}
    numbers = {name: {"samples": len(inputs)} | one.numbers() for name, one in read.items()}
    return Integers(encodings, {maker: grids[tensor] for tensor, maker in what.ranged.items() if maker}, numbers)


def activation_dtype(kind: str, host: Host) -> Codes:
    """What "auto" means: int8 on ARM, whose kernels multiply signed by signed; uint8 elsewhere, as x86 wants it."""
    if kind == "auto":
        return np.int8 if host.architecture in ("aarch64", "arm64") else np.uint8
    return {"uint8": np.uint8, "int8": np.int8, "uint16": np.uint16}[kind]


def overflows(host: Host) -> bool:
    """Whether sums of two uint8 × int8 products may not fit: x86 without VNNI adds them in 16 bits (VPMADDUBSW)."""
    return host.architecture in ("x86_64", "AMD64") and not host.has_fast_int8


def in_words(grid: Grid | None) -> str:
    """What a layer puts out, for a Change."""
    if grid is None:
        return "puts out floats"
    return f"puts out {np.dtype(grid.dtype).name} from {grid.low:.3g} to {grid.high:.3g}"
