"""Networks that read a gauge: small enough to be trained in a moment, on readings that may have glitches."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from edgekit import library
from edgekit.artifacts.export import export
from edgekit.core.model import Model
from edgekit.data import bring, splits

LEVELS, FEATURES, HIDDEN = 8, 128, 16
GLITCH, HUGE = 1000.0, 300.0
ROUNDS = 250  # of training


def readings(n: int, glitches: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """x (n, FEATURES), each around the level y (n,) of its sample, but for a few that are far off."""
    generator = np.random.default_rng(seed)
    y = np.arange(n) % LEVELS
    x = generator.normal(y[:, None], 1.0, (n, FEATURES))
    x.flat[generator.choice(x.size, glitches, replace=False)] = GLITCH
    return x.astype(np.float32), y


def perceptron() -> nn.Module:
    """Two layers; what lies between them is at most 6."""
    return nn.Sequential(nn.Linear(FEATURES, HIDDEN), nn.ReLU6(), nn.Linear(HIDDEN, LEVELS))


class Transformer(nn.Module):
    """One block of attention. As in large ones, a channel of what the block adds to is huge, and no layer reads it."""

    def __init__(self):
        super().__init__()
        self.embed, self.norm = nn.Linear(HIDDEN, HIDDEN), nn.LayerNorm(HIDDEN)
        self.q, self.k, self.v = (nn.Linear(HIDDEN, HIDDEN) for _ in range(3))
        self.last_norm, self.head = nn.LayerNorm(HIDDEN), nn.Linear(HIDDEN, LEVELS)
        mean, deviation = HUGE / HIDDEN, HUGE * (HIDDEN - 1) ** 0.5 / HIDDEN
        with torch.no_grad():
            self.embed.bias[0] = HUGE
            for norm in (self.norm, self.last_norm):
                norm.weight.copy_(torch.tensor([0.0] + [deviation] * (HIDDEN - 1)))
                norm.bias.copy_(torch.tensor([0.0] + [mean] * (HIDDEN - 1)))
                norm.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x.unflatten(1, (FEATURES // HIDDEN, HIDDEN)))  # (n, tokens, HIDDEN)
        read = self.norm(x)
        scores = self.q(read) @ self.k(read).transpose(1, 2) / HIDDEN**0.5  # (n, tokens, tokens)
        x = x + scores.softmax(-1) @ self.v(read)
        return self.head(self.last_norm(x).mean(1))


def a_gauge(folder: Path, make: type[nn.Module] = perceptron, glitches: int = 0) -> Model:
    """A network, trained on readings that never glitch, and its readings, taken among the models and data of this home.

    Args:
        make: makes the network.
        glitches: in all readings together.
    """
    x, y = readings(1600, glitches)
    name = f"gauge-{make.__name__}-{glitches}".lower()
    np.savez(folder / f"{name}.npz", x=x, y=y)
    data = bring.add(folder / f"{name}.npz")
    seen = splits.load(data).training
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = make()
    inputs, labels = torch.from_numpy(np.array(seen.raw)).clamp(max=2 * LEVELS), torch.from_numpy(np.array(seen.labels))
    optimizer = torch.optim.Adam([one for one in network.parameters() if one.requires_grad], 0.01)
    for _ in range(ROUNDS):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
    file = folder / f"{name}.onnx"
    file.write_bytes(export(network.eval(), x[:1]).SerializeToString())
    return library.load(library.add(file, data))
