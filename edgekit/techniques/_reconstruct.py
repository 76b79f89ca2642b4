"""Rounding that learns: on what the rounded blocks before it give, each block of layers puts out what it did in floats.

A block is what lies between two places where the graph holds a single tensor, a residual block for example (BRECQ: Li
et al. 2021, arXiv:2102.05426). Where it holds an operator that has no gradient here, its layers learn one by one. What
is learnt:

- "reconstructed": weights, scales and biases; weights are rounded in the forward pass, and the gradient passes straight
  through (Esser et al. 2020, "Learned Step Size Quantization", arXiv:1902.08153);
- "adaround": for each weight whether it goes up or down, as a number h in [0, 1] that a growing term λ (1 − |2h − 1|^β)
  drives to one of its ends (Nagel et al. 2020, arXiv:2004.10568); and biases.
"""

import math
from collections.abc import Mapping

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from edgekit.core.bench import Bench
from edgekit.core.encoding import Stored
from edgekit.models.graphs import array, store
from edgekit.models.training import has_bfloat16
from edgekit.techniques._calibrate import BATCH
from edgekit.techniques._graph import GraphLayer
from edgekit.techniques._in_turn import FINE, Way, round_one, rows_of
from edgekit.techniques._levels import Levels
from edgekit.techniques._streams import Streams, Stretch, affordable, stretches
from edgekit.techniques._torch_ops import can_run, run

MORE_SAMPLES = 8  # times as many as compensation needs: what learns can learn by heart
RATES = {"weights": 0.03, "up": 0.05, "scale": 0.005, "bias": 0.001}  # of Adam; weights are in units of their scale
REGULARIZER = 0.01  # λ
STRICTNESS = (20.0, 2.0)  # β, falling
STRETCHED = (-0.1, 1.1)  # h is a sigmoid stretched to this and cut off, so that it can reach its ends


class Learnt(nn.Module):
    """The weights of one layer while they learn, laid out in rows of (channels, inputs)."""

    def __init__(self, rows: np.ndarray, levels: Levels, up_or_down: bool):
        super().__init__()
        self.levels, self.up_or_down = levels, up_or_down
        scale = torch.from_numpy(levels.at(levels.scale))
        self.register_buffer("there", torch.from_numpy((rows != 0).astype(np.float32)))
        self.register_buffer("start", torch.from_numpy(levels.scale))
        self.growth = nn.Parameter(torch.zeros_like(self.start))  # scale = start · exp(growth)
        plain = torch.from_numpy(rows) / scale
        if up_or_down:
            share = ((plain - plain.floor()) - STRETCHED[0]) / (STRETCHED[1] - STRETCHED[0])
            self.register_buffer("below", plain.floor())
            self.up = nn.Parameter(share.logit())
        else:
            self.plain = nn.Parameter(plain)

    def groups(self) -> list[dict]:
        """What learns, with its rate."""
        if self.up_or_down:
            return [{"params": [self.up], "lr": RATES["up"]}]
        return [{"params": [self.plain], "lr": RATES["weights"]}, {"params": [self.growth], "lr": RATES["scale"]}]

    def forward(self) -> Tensor:
        """The rounded weights (channels, inputs)."""
        grown = self._spread(self.growth.exp())
        return self._level(grown) * self.there * self._spread(self.start) * grown

    def h(self) -> Tensor:
        """How far up each weight goes."""
        return (self.up.sigmoid() * (STRETCHED[1] - STRETCHED[0]) + STRETCHED[0]).clamp(0, 1)

    @torch.no_grad()
    def settled(self) -> tuple[Levels, np.ndarray]:
        """The levels with the scales that were learnt, and those chosen."""
        scale = (self.start * self.growth.exp()).numpy()
        levels = Levels(**{**self.levels.__dict__, "scale": scale})
        if self.up_or_down:
            chosen = self._clipped(self.below + (self.h() >= 0.5))
        else:
            chosen = self._level(self._spread(self.growth.exp()))
            chosen = chosen if len(levels.book) else chosen.round()
        return levels, (chosen * self.there).numpy()

    def _level(self, grown: Tensor) -> Tensor:
        if self.up_or_down:
            return self._clipped(self.below + self.h())
        plain = self.plain / grown
        if len(self.levels.book):
            book = torch.from_numpy(self.levels.book)
            inside = torch.minimum(torch.maximum(plain, book[0]), book[-1])
            rounded = book[torch.bucketize(plain.detach(), (book[1:] + book[:-1]) / 2)]
        else:
            inside = self._clipped(plain)
            rounded = inside.round()
        return inside + (rounded - inside).detach()

    def _clipped(self, plain: Tensor) -> Tensor:
        low, high = (self._spread(torch.from_numpy(end)) for end in (self.levels.low, self.levels.high))
        return torch.minimum(torch.maximum(plain, low), high)

    def _spread(self, held: Tensor) -> Tensor:
        return held.repeat_interleave(self.levels.inputs // held.shape[1], 1)


def reconstruct(
    graph: onnx.ModelProto,
    bench: Bench,
    layers: Mapping[str, GraphLayer],
    ways: Mapping[str, Way],
    samples: int,
    rounds: int,
) -> dict[str, Stored]:
    """Round block after block, in place; returns weight initializer name -> its codes."""
    streams = Streams(graph, layers, bench.calibration(affordable(graph, samples)))
    random, encodings = np.random.default_rng(bench.seed), {}
    parts = blocks(graph, layers)
    for done, stretch in enumerate(parts):
        here = bench.part(done / len(parts), (done + 1) / len(parts))
        fresh = [layer for layer in stretch.layers if layer.weight not in encodings]
        alone = len(fresh) == 1 and fresh[0].node.input[0] in streams.float[0]
        if alone and (ways[fresh[0].name].bits >= FINE or not can_run(stretch.nodes[:1])):
            here.progress(0.0, fresh[0].name)
            round_one(streams, fresh[0], ways[fresh[0].name], random, encodings)
        elif fresh:
            _learn(streams, stretch, fresh, ways, rounds, here, random, encodings)
        if stretch is not parts[-1]:
            streams.advance(stretch)
        here.progress(1.0, fresh[-1].name if fresh else "no layer to round")
    return encodings


def blocks(graph: onnx.ModelProto, layers: Mapping[str, GraphLayer]) -> list[Stretch]:
    """Stretches that begin where one tensor is held, as shortly as possible before a layer."""
    nodes, outputs = list(graph.graph.node), {layer.node.output[0] for layer in layers.values()}
    numbers = [k for k, node in enumerate(nodes) if node.output[0] in outputs]
    narrow = _narrow_places(graph)
    starts = sorted({max(place for place in narrow if place <= number) for number in numbers})
    ends = [*starts[1:], len(nodes)]
    for start, end in zip(list(starts), ends, strict=True):
        if not can_run(nodes[start:end]):
            starts += [number for number in numbers if start < number < end]
    return stretches(graph, layers, starts)


def _narrow_places(graph: onnx.ModelProto) -> list[int]:
    """Numbers of the nodes before which a single tensor is held that is still to be read; 0 is one."""
    nodes, stored = list(graph.graph.node), {tensor.name for tensor in graph.graph.initializer}
    last = {name: k for k, node in enumerate(nodes) for name in node.input if name not in stored}
    last |= {out.name: len(nodes) for out in graph.graph.output}
    held, found = {graph.graph.input[0].name}, [0]
    for k, node in enumerate(nodes):
        held = {name for name in held | set(node.output) if last.get(name, -1) > k}
        if len(held) == 1:
            found.append(k + 1)
    return [place for place in found if place < len(nodes)]


def _learn(
    streams: Streams,
    stretch: Stretch,
    fresh: list[GraphLayer],
    ways: Mapping[str, Way],
    rounds: int,
    bench: Bench,
    random: np.random.Generator,
    encodings: dict[str, Stored],
) -> None:
    """Round the layers `fresh` of a stretch together, in place."""
    graph = streams.graph
    whole = can_run(stretch.nodes)
    nodes = stretch.nodes if whole else stretch.nodes[:1]  # a layer: the block was cut before each
    learnt, biases = {}, {}
    for layer in fresh:
        rows, way = rows_of(array(graph, layer.weight), layer.axis), ways[layer.name]
        learnt[layer.weight] = Learnt(rows, way.levels(rows), way.rounding == "adaround")
        if way.rounding == "nearest" or way.bits >= FINE:
            learnt[layer.weight].requires_grad_(False)
        elif streams.owns_bias(layer):
            biases[layer.bias] = nn.Parameter(torch.from_numpy(array(graph, layer.bias)))
    axes = {layer.weight: (layer.axis, array(graph, layer.weight).shape) for layer in fresh}
    made = {name for node in nodes for name in node.output}
    outputs = [name for name in stretch.gives if name in made] if whole else list(nodes[0].output)
    stored = {name: torch.from_numpy(array(graph, name)) for name in _constants(streams, nodes)}

    def weights() -> dict[str, Tensor]:
        return {name: _in_shape(one(), *axes[name]) for name, one in learnt.items()} | biases

    def feed(batch: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
        return {name: torch.from_numpy(values) for name, values in batch.items()}

    exact = {name: torch.from_numpy(values) for name, values in streams.original.items()}
    with torch.no_grad():
        wanted = [{name: run(nodes, stored | exact | feed(one))[name] for name in outputs} for one in streams.float]
    groups = [group for one in learnt.values() for group in one.groups()]
    optimizer = torch.optim.Adam([*groups, {"params": [*biases.values()], "lr": RATES["bias"]}])
    shape = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: 0.5 * (1 + math.cos(math.pi * k / rounds)))
    at_once = max(1, BATCH // max(1, len(next(iter(streams.float[0].values())))))
    names = " and ".join(layer.name for layer in fresh)
    for turn in range(rounds):
        bench.progress(turn / rounds, f"{names}: update {turn + 1} of {rounds}")
        loss, now = _up_or_down(learnt.values(), turn / rounds), weights()
        for place in random.integers(0, len(wanted), at_once):
            with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
                got = run(nodes, stored | now | feed(streams.rounded[place]))
            for name in outputs:
                loss = loss + (got[name].float() - wanted[place][name]).square().mean() / at_once
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        shape.step()
    for layer in fresh:
        levels, chosen = learnt[layer.weight].settled()
        encodings[layer.weight] = levels.stored(chosen, axes[layer.weight][1], layer.axis)
        store(graph, layer.weight, encodings[layer.weight].decode())
    for name, bias in biases.items():
        store(graph, name, bias.detach().numpy())


def _up_or_down(learnt, position: float) -> Tensor:
    """λ Σ (1 − |2h − 1|^β) over all weights that go up or down; nothing in the first fifth."""
    beta = STRICTNESS[1] + (STRICTNESS[0] - STRICTNESS[1]) * 0.5 * (1 + math.cos(math.pi * position))
    parts = [one for one in learnt if one.up_or_down and one.up.requires_grad and position >= 0.2]
    return sum((REGULARIZER * (1 - (2 * one.h() - 1).abs().pow(beta)).sum() for one in parts), torch.zeros(()))


def _constants(streams: Streams, nodes: list[onnx.NodeProto]) -> list[str]:
    stored = {tensor.name for tensor in streams.graph.graph.initializer}
    return sorted({name for node in nodes for name in node.input} & stored)


def _in_shape(rows: Tensor, axis: int, shape: tuple[int, ...]) -> Tensor:
    moved = (shape[axis], *shape[:axis], *shape[axis + 1 :])
    return rows.view(moved).movedim(0, axis)
