"""What is known of an ONNX file before it is admitted, and how much one may ask for."""

from __future__ import annotations

from pydantic import BaseModel, NonNegativeInt, PositiveFloat

MB, GB = 2**20, 2**30


class Limits(BaseModel, frozen=True):
    """What a file may ask for. Beyond any of these it is refused.

    Attributes:
        file_bytes: its size on disk.
        weight_bytes: all its tensors together, sparse ones as large as they are once filled up.
        input_bytes: each input, its free dimensions as 1.
        nodes: with those of its subgraphs and functions, a function counted wherever it is called.
        depth: how deep subgraphs and calls of functions nest.
        memory_bytes: what opening it may need, on top of `FILE_COPIES` times its size.
        cpu_seconds: processor time for opening it and running it once.
        wall_seconds: the same by the clock, for machines that do other things besides.
    """

    file_bytes: NonNegativeInt = 512 * MB
    weight_bytes: NonNegativeInt = 2 * GB
    input_bytes: NonNegativeInt = 256 * MB
    nodes: NonNegativeInt = 100_000
    depth: NonNegativeInt = 16
    memory_bytes: NonNegativeInt = 4 * GB
    cpu_seconds: NonNegativeInt = 120
    wall_seconds: PositiveFloat = 300.0


class Port(BaseModel, frozen=True):
    """An input or an output.

    Attributes:
        dtype: "float32", "int64", "string", …; "sequence", "map" or "optional" where it is no tensor; "unknown" for an
            output of which the file does not say it.
        shape: None stands for a free dimension, and for the whole where the file does not even say how many there are.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None


class Facts(BaseModel, frozen=True):
    """What a file holds, and whether it runs.

    Attributes:
        inputs: without those that have a value in the file.
        operators: how many nodes of each kind stand in the file, functions' bodies counted once; "Conv",
            "com.microsoft.Gelu". The most frequent first.
        nodes: all of them.
        depth: how deep subgraphs and calls of functions nest; 0 where there are none.
        params: stored numbers, without int64, bool and string tensors, which hold shapes, indices and labels.
        weight_bytes: all stored tensors, also those.
        opset: the version of ONNX's own operators; 0 where it uses none of them, only those for machine learning.
        quantized: it holds QuantizeLinear or DequantizeLinear, or operators that compute with integers.
        runs: ONNX Runtime ran it once on made-up inputs.
        why_not: ONNX Runtime's reason where it did not; "" where it did.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    operators: dict[str, int]
    nodes: int
    depth: int
    params: int
    weight_bytes: int
    opset: int
    quantized: bool
    runs: bool = False
    why_not: str = "not tried"
