"""Which input of an operator is what: for reading any file layer by layer, whichever way its weights are stored."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Roles:
    """Positions among an operator's inputs; None where it has no such input.

    Attributes:
        kind: the layer's kind, whatever the form: a ConvInteger is a Conv.
        weight: the stored weights.
        bias: added to the output.
        scale, zero: for operators that take integer weights: w = scale · (stored − zero).
        others: further parameters.
    """

    kind: str
    weight: int
    bias: int | None = None
    scale: int | None = None
    zero: int | None = None
    others: tuple[int, ...] = ()


ROLES = {
    "Conv": Roles("Conv", 1, 2),
    "FusedConv": Roles("Conv", 1, 2),
    "ConvInteger": Roles("Conv", 1, zero=3),
    "QLinearConv": Roles("Conv", 3, 8, 4, 5),
    "ConvTranspose": Roles("ConvTranspose", 1, 2),
    "Gemm": Roles("Gemm", 1, 2),
    "FusedGemm": Roles("Gemm", 1, 2),
    "QGemm": Roles("Gemm", 3, 6, 4, 5),
    "MatMul": Roles("MatMul", 1),
    "FusedMatMul": Roles("MatMul", 1),
    "MatMulInteger": Roles("MatMul", 1, zero=3),
    "MatMulIntegerToFloat": Roles("MatMul", 1, 6, 3, 5),
    "DynamicQuantizeMatMul": Roles("MatMul", 1, 4, 2, 3),
    "QLinearMatMul": Roles("MatMul", 3, None, 4, 5),
    "LSTM": Roles("LSTM", 1, 3, others=(2,)),
    "GRU": Roles("GRU", 1, 3, others=(2,)),
    "RNN": Roles("RNN", 1, 3, others=(2,)),
    "Gather": Roles("Embedding", 0),
    "BatchNormalization": Roles("BatchNormalization", 1, 2),
    "LayerNormalization": Roles("LayerNormalization", 1, 2),
    "InstanceNormalization": Roles("InstanceNormalization", 1, 2),
    "GroupNormalization": Roles("GroupNormalization", 1, 2),
    "PRelu": Roles("PRelu", 1),
}

MULTIPLYING = ("Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM", "GRU", "RNN")
