"""A network that reads a gauge: small enough to be trained in a moment, on readings that may have glitches."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from edgekit import library
from edgekit.artifacts.export import export
from edgekit.core.model import Model
from edgekit.data import bring, splits

LEVELS, FEATURES, HIDDEN = 8, 128, 16
GLITCH = 1000.0
ROUNDS = 250  # of training


def readings(n: int, glitches: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """x (n, FEATURES), each around the level y (n,) of its sample, but for a few that are far off."""
    generator = np.random.default_rng(seed)
    y = np.arange(n) % LEVELS
    x = generator.normal(y[:, None], 1.0, (n, FEATURES))
    x.flat[generator.choice(x.size, glitches, replace=False)] = GLITCH
    return x.astype(np.float32), y


def a_gauge(folder: Path, glitches: int = 0) -> Model:
    """Two layers, trained on readings that never glitch, taken among the models of this home, with its readings.

    Args:
        glitches: in all readings together.
    """
    x, y = readings(1600, glitches)
    name = f"gauge-{glitches}"
    np.savez(folder / f"{name}.npz", x=x, y=y)
    data = bring.add(folder / f"{name}.npz")
    seen = splits.load(data).training
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(FEATURES, HIDDEN), nn.ReLU6(), nn.Linear(HIDDEN, LEVELS))
    inputs, labels = torch.from_numpy(np.array(seen.raw)).clamp(max=2 * LEVELS), torch.from_numpy(np.array(seen.labels))
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(ROUNDS):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
    file = folder / f"{name}.onnx"
    file.write_bytes(export(network.eval(), x[:1]).SerializeToString())
    return library.load(library.add(file, data))
