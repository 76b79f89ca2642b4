"""A network layer by layer, as a cost model needs it: what kind of work, how much of it, and what it reads and writes.

Kinds of layers, after what makes them fast or slow on a processor:

    c3     dense 3 × 3 convolution, stride 1, at least 8 channels in and out: Winograd's trick may beat the nominal peak
    conv   any other dense convolution: the first one, strided ones, 5 × 5, 7 × 7
    pw     1 × 1 convolution, matrix product with many rows
    gconv  grouped convolution with fewer than 16 channels a group
    dw     depthwise convolution
    fc     fully connected, one row: set by how fast weights are read
    elt    no multiplications: additions, pooling, concatenation, …

Activations right after a layer, normalization that a runtime folds, views, and pairs of QuantizeLinear and
DequantizeLinear cost nothing here: runtimes do them in passing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["c3", "conv", "pw", "gconv", "dw", "fc", "elt"]
Precision = Literal["fp32", "fp16", "int8", "int16"]
BYTES: dict[Precision, int] = {"fp32": 4, "fp16": 2, "int8": 1, "int16": 2}
FEW_CHANNELS = 16  # a group with fewer is a kind of its own


@dataclass(frozen=True)
class Layer:
    """One layer, for one sample.

    Attributes:
        macs: multiply-accumulates.
        weights: how many numbers.
        inputs, outputs: how many numbers it reads and writes, without its weights.
        depth: how many layers lie on the longest way from the input to its output, itself included.
        tensors: how many tensors it reads, without its weights.
        cin, cout: channels that one group reads and writes; 0 where it has none.
        operator: of ONNX.
    """

    name: str
    kind: Kind
    macs: int
    weights: int
    inputs: int
    outputs: int
    depth: int = 1
    tensors: int = 1
    cin: int = 0
    cout: int = 0
    precision: Precision = "fp32"
    operator: str = ""


def kind_of_convolution(kernel: Iterable[int], strides: Iterable[int], groups: int, cin: int, cout: int) -> Kind:
    """Which kind a convolution is.

    Args:
        cin, cout: channels of one group.
    """
    kernel, strides = tuple(kernel), tuple(strides)
    if groups > 1 and cin == 1:
        return "dw"
    if groups > 1 and min(cin, cout) < FEW_CHANNELS:
        return "gconv"
    if math.prod(kernel) == 1:
        return "pw"
    plain = kernel == (3, 3) and set(strides) <= {1} and groups == 1
    return "c3" if plain and min(cin, cout) >= 8 else "conv"


def total_macs(layers: Iterable[Layer]) -> int:
    """Multiply-accumulates of all layers."""
    return sum(layer.macs for layer in layers)


def total_weights(layers: Iterable[Layer]) -> int:
    """Weights of all layers."""
    return sum(layer.weights for layer in layers)
