"""Rounding weights one after the other, letting the rest make up for each error, on inputs that really occur.

A layer computes W x. What matters is not the error of W but that of its outputs, E|(W − Ŵ) x|², which depends on the
inputs only through their second moments M = E[x xᵀ]. Column j after column is rounded, and each column k still to come
is moved by what keeps that error least: w_k ← w_k − (w_j − ŵ_j) · U_jk / U_jj, with U the upper triangular factor of
M⁻¹ = Uᵀ U. This is GPTQ (Frantar et al. 2022, arXiv:2210.17323), from Optimal Brain Surgeon (Hassibi and Stork 1993).

Once earlier layers are rounded, a layer is not given x any more but x̂. It should put out what it did, E|W x − Ŵ x̂|²,
so first W becomes the best float weights for that, W + W E[(x − x̂) x̂ᵀ] E[x̂ x̂ᵀ]⁻¹, and then they are rounded on x̂
(Zhang et al. 2016, arXiv:1505.06798; with GPTQ: Li et al. 2025, arXiv:2504.02692).
"""

import numpy as np
import onnx
from scipy.linalg import lapack

from edgekit.models.graphs import attribute, shape_of
from edgekit.techniques._graph import GraphLayer
from edgekit.techniques._levels import Levels

ROWS = 2048  # inputs drawn for each layer: several times what its weights need
DAMPING = 0.01  # of the mean diagonal: directions that calibration did not see stay harmless
SHRINKAGE = (
    0.1  # the same where weights make up for earlier layers: at 2 bits ResNet-8 lost 0.9 points less than at 0.01
)
BLOCK = 64  # columns after which all the rest is moved at once
TURNS = 30  # of conjugate gradients, where pruned weights must stay zero


def can_compensate(graph: onnx.ModelProto, layer: GraphLayer) -> bool:
    """Whether the layer's inputs can be laid out as rows: matrix products, and two-dimensional convolutions."""
    if layer.kind in ("Gemm", "MatMul"):
        return not attribute(layer.node, "transA", 0)
    stated = attribute(layer.node, "auto_pad", b"NOTSET") == b"NOTSET"
    return layer.kind == "Conv" and stated and len(shape_of(graph, layer.weight)) == 4


def compensated(rows: np.ndarray, levels: Levels, moment: np.ndarray) -> np.ndarray:
    """Levels (channels, k) for weights `rows`, as whole floats or values of the codebook; zeros stay zero.

    Args:
        moment: sum of x xᵀ, (k, k).
    """
    order = np.argsort(-np.diag(moment), kind="stable")  # what matters most comes first, while the rest can still move
    factor = _inverse_factor(moment[np.ix_(order, order)].astype(np.float64)).astype(np.float32)
    left = np.ascontiguousarray(rows.T[order], np.float32)  # (k, channels)
    there = (left != 0).astype(np.float32)
    chosen = np.empty_like(left)
    for start in range(0, len(left), BLOCK):
        stop = min(start + BLOCK, len(left))
        errors = np.empty_like(left[start:stop])
        nearest, scale = _columns(levels, order[start:stop])
        for j in range(start, stop):
            chosen[j] = level = nearest(left[j], j - start) * there[j]
            errors[j - start] = error = (left[j] - level * scale[j - start]) / factor[j, j]
            left[j + 1 : stop] -= factor[j, j + 1 : stop, None] * error
        left[stop:] -= factor[start:stop, stop:].T @ errors
    placed = np.empty_like(chosen)
    placed[order] = chosen
    return placed.T


def making_up(rows: np.ndarray, moment: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """The weights that put out on x̂ what `rows` (channels, k) put out on x, nearly; zeros stay zero.

    Args:
        moment: sum of x̂ x̂ᵀ, (k, k).
        missing: sum of (x − x̂) x̂ᵀ, (k, k).
    """
    damped = moment + _damping(moment, SHRINKAGE) * np.eye(len(moment))
    wanted = rows.astype(np.float64) @ missing
    there = rows != 0
    if there.all():
        return (rows + np.linalg.solve(damped, wanted.T).T).astype(np.float32)
    return (rows + _solve_within(damped, wanted, there)).astype(np.float32)


def _solve_within(moment: np.ndarray, wanted: np.ndarray, there: np.ndarray) -> np.ndarray:
    """D (channels, k), zero where not `there`, with D M ≈ `wanted` elsewhere: conjugate gradients, channels at once."""
    solution, left = np.zeros_like(wanted), wanted * there
    way, size = left.copy(), np.square(left).sum(1)
    for _ in range(TURNS):
        pushed = (way @ moment) * there
        step = size / np.maximum((way * pushed).sum(1), 1e-30)
        solution += step[:, None] * way
        left -= step[:, None] * pushed
        before, size = size, np.square(left).sum(1)
        way = left + (size / np.maximum(before, 1e-30))[:, None] * way
    return solution


def _columns(levels: Levels, columns: np.ndarray):
    """For some columns: (weights of one (channels,), its place) -> levels, and the scales (columns, channels)."""
    scale = np.ascontiguousarray(levels.at(levels.scale, columns).T)
    if len(levels.book):
        borders = (levels.book[1:] + levels.book[:-1]) / 2
        return lambda weights, j: levels.book[np.searchsorted(borders, weights / scale[j])], scale
    low, high = (np.ascontiguousarray(levels.at(end, columns).T) for end in (levels.low, levels.high))
    return lambda weights, j: np.minimum(np.maximum(np.rint(weights / scale[j]), low[j]), high[j]), scale


def _damping(moment: np.ndarray, share: float = DAMPING) -> float:
    return max(share * float(np.diag(moment).mean()), 1e-12)


def _inverse_factor(moment: np.ndarray) -> np.ndarray:
    """Upper triangular U with M⁻¹ = Uᵀ U, for M with a little added to its diagonal.

    With rows and columns reversed, M = L Lᵀ; turned back, M = R Rᵀ with R upper triangular, and U = R⁻¹.
    """
    lower = np.linalg.cholesky((moment + _damping(moment) * np.eye(len(moment)))[::-1, ::-1])
    upper, info = lapack.dtrtri(np.asfortranarray(lower[::-1, ::-1]), lower=0)
    assert info == 0, "a Cholesky factor can be inverted"
    return upper


def drawn_rows(
    values: np.ndarray, layer: GraphLayer, shape: tuple[int, ...], wanted: int, random: np.random.Generator
) -> np.ndarray:
    """Inputs that meet the weights of one output, (groups, rows, k): `wanted` draws, or all if there are no more.

    Args:
        values: what the layer is given.
        shape: of its weights.
    """
    if layer.kind != "Conv":
        flat = values.reshape(-1, values.shape[-1])
        return flat[_draw(len(flat), wanted, random)][None]
    pads = attribute(layer.node, "pads", [0, 0, 0, 0])
    padded = np.pad(values, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
    strides, dilations = attribute(layer.node, "strides", [1, 1]), attribute(layer.node, "dilations", [1, 1])
    spans = [dilation * (size - 1) + 1 for dilation, size in zip(dilations, shape[2:], strict=True)]
    windows = np.lib.stride_tricks.sliding_window_view(padded, spans, (2, 3))[:, :, :: strides[0], :: strides[1]]
    windows = windows[..., :: dilations[0], :: dilations[1]]  # (n, channels, height, width, kh, kw)
    places = (windows.shape[0], windows.shape[2], windows.shape[3])
    image, y, x = np.unravel_index(_draw(int(np.prod(places)), wanted, random), places)
    taken = windows[image, :, y, x]  # (rows, channels, kh, kw)
    groups = attribute(layer.node, "group", 1)
    return taken.reshape(len(image), groups, -1).transpose(1, 0, 2)


def _draw(count: int, wanted: int, random: np.random.Generator) -> np.ndarray:
    return np.arange(count) if count <= wanted else random.integers(0, count, wanted)
