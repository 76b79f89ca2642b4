"""Rounding weights one after the other, letting the rest make up for each error, on inputs that really occur.

A layer computes W x. What matters is not the error of W but that of its outputs, E|(W − Ŵ) x|², which depends on the
inputs only through their second moments M = E[x xᵀ]. Column j after column is rounded, and each column k still to come
is moved by what keeps that error least: w_k ← w_k − (w_j − ŵ_j) · U_jk / U_jj, with U the upper triangular factor of
M⁻¹ = Uᵀ U. This is GPTQ (Frantar et al. 2022, arXiv:2210.17323), from Optimal Brain Surgeon (Hassibi and Stork 1993).
"""

from collections.abc import Mapping

import numpy as np
import onnx
from scipy.linalg import lapack

from edgekit.core.progress import Progress
from edgekit.techniques._calibrate import batches, open_session
from edgekit.techniques._graph import GraphLayer, attribute, shape_of

ROWS = 2048  # inputs drawn for each layer: several times what its weights need
DAMPING = 0.01  # of the mean diagonal: directions that calibration did not see stay harmless
BLOCK = 64  # columns after which all the rest is moved at once


def can_compensate(graph: onnx.ModelProto, layer: GraphLayer) -> bool:
    """Whether the layer's inputs can be laid out as rows: matrix products, and plain two-dimensional convolutions."""
    if layer.kind in ("Gemm", "MatMul"):
        return not attribute(layer.node, "transA", 0)
    plain = attribute(layer.node, "group", 1) == 1 and attribute(layer.node, "auto_pad", b"NOTSET") == b"NOTSET"
    return layer.kind == "Conv" and plain and len(shape_of(graph, layer.weight)) == 4


def second_moments(
    graph: onnx.ModelProto, layers: Mapping[str, GraphLayer], inputs: np.ndarray, seed: int, progress: Progress
) -> dict[str, np.ndarray]:
    """Layer name -> sum of x xᵀ (k, k) over inputs of that layer, k of which meet one row of its weights.

    Args:
        inputs: of the network, (n, ...); at most ROWS inputs of each layer are drawn from them.
    """
    sources = list(dict.fromkeys(layer.node.input[0] for layer in layers.values()))
    shapes = {name: shape_of(graph, layer.weight) for name, layer in layers.items()}
    session, random = open_session(graph, sources), np.random.default_rng(seed)
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in layers}
    for start, count, values in batches(session, sources, inputs):
        progress(start / len(inputs), f"inputs of layers, sample {start + 1} of {len(inputs)}")
        held = dict(zip(sources, values, strict=True))
        for name, layer in layers.items():
            wanted = -(-ROWS * count // len(inputs))
            drawn[name].append(_rows(held[layer.node.input[0]], layer, shapes[name], wanted, random))
    progress(1.0, "inputs of layers")
    return {name: (rows := np.concatenate(parts)).T @ rows for name, parts in drawn.items()}


def compensated(rows: np.ndarray, scale: np.ndarray, first: int, last: int, moment: np.ndarray) -> np.ndarray:
    """Codes (channels, k) of weights `rows` for scales (channels,), as whole floats; weights that are zero stay zero.

    Args:
        moment: sum of x xᵀ, (k, k).
    """
    order = np.argsort(-np.diag(moment), kind="stable")  # what matters most comes first, while the rest can still move
    factor = _inverse_factor(moment[np.ix_(order, order)].astype(np.float64)).astype(np.float32)
    left = np.ascontiguousarray(rows.T[order], np.float32)  # (k, channels)
    there = (left != 0).astype(np.float32)
    codes = np.empty_like(left)
    for start in range(0, len(left), BLOCK):
        stop = min(start + BLOCK, len(left))
        errors = np.empty_like(left[start:stop])
        for j in range(start, stop):
            code = np.rint(left[j] / scale)
            codes[j] = code = np.minimum(np.maximum(code, first), last) * there[j]
            errors[j - start] = error = (left[j] - code * scale) / factor[j, j]
            left[j + 1 : stop] -= factor[j, j + 1 : stop, None] * error
        left[stop:] -= factor[start:stop, stop:].T @ errors
    placed = np.empty_like(codes)
    placed[order] = codes
    return placed.T


def _inverse_factor(moment: np.ndarray) -> np.ndarray:
    """Upper triangular U with M⁻¹ = Uᵀ U, for M with a little added to its diagonal.

    With rows and columns reversed, M = L Lᵀ; turned back, M = R Rᵀ with R upper triangular, and U = R⁻¹.
    """
    added = max(DAMPING * float(np.diag(moment).mean()), 1e-12)
    lower = np.linalg.cholesky((moment + added * np.eye(len(moment)))[::-1, ::-1])
    upper, info = lapack.dtrtri(np.asfortranarray(lower[::-1, ::-1]), lower=0)
    assert info == 0, "a Cholesky factor can be inverted"
    return upper


def _rows(
    values: np.ndarray, layer: GraphLayer, shape: tuple[int, ...], wanted: int, random: np.random.Generator
) -> np.ndarray:
    """Inputs that meet the weights of one output, (rows, k): `wanted` draws, or all if there are no more."""
    if layer.kind != "Conv":
        flat = values.reshape(-1, values.shape[-1])
        return flat[_draw(len(flat), wanted, random)]
    pads = attribute(layer.node, "pads", [0, 0, 0, 0])
    padded = np.pad(values, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
    strides, dilations = attribute(layer.node, "strides", [1, 1]), attribute(layer.node, "dilations", [1, 1])
    spans = [dilation * (size - 1) + 1 for dilation, size in zip(dilations, shape[2:], strict=True)]
    windows = np.lib.stride_tricks.sliding_window_view(padded, spans, (2, 3))[:, :, :: strides[0], :: strides[1]]
    windows = windows[..., :: dilations[0], :: dilations[1]]  # (n, channels, height, width, kh, kw)
    places = (windows.shape[0], windows.shape[2], windows.shape[3])
    image, y, x = np.unravel_index(_draw(int(np.prod(places)), wanted, random), places)
    return windows[image, :, y, x].reshape(len(image), -1)  # (rows, channels · kh · kw)


def _draw(count: int, wanted: int, random: np.random.Generator) -> np.ndarray:
    return np.arange(count) if count <= wanted else random.integers(0, count, wanted)
