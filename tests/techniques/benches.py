"""A bench of random numbers for tests of single techniques, and the smallest networks that show what they do."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from edgekit.artifacts.export import export
from edgekit.core.bench import Bench
from edgekit.core.host import Host
from edgekit.core.progress import Progress, silent
from edgekit.measure.candidates import cost, latency
from edgekit.tasks import task

HOST = Host(id="test", cpu="", architecture="x86_64", features=("avx512_vnni",), cores=1, memory_bytes=1, system="")


def a_bench(
    shape: tuple[int, ...], *, samples: int = 64, classes: int = 10, progress: Progress = silent, seed: int = 0
) -> Bench:
    """Inputs are normal noise; a sample's label is its largest mean along the first axis, so that it can be learned."""
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(samples, *shape, generator=generator)
    labels = inputs.flatten(1)[:, :classes].argmax(1)

    def training(batch_size: int, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.randperm(samples, generator=torch.Generator().manual_seed(seed * 1000 + epoch))
        for start in range(0, max(1, samples - batch_size + 1), batch_size):
            chosen = order[start : start + batch_size]
            yield inputs[chosen], labels[chosen]

    def score(network: nn.Module) -> float:
        with torch.no_grad():
            return float((network(inputs).argmax(1) == labels).float().mean())

    example = np.zeros((1, *shape), np.float32)
    return Bench(
        example=example,
        calibration=lambda n: inputs[:n].numpy(),
        training=training,
        training_size=samples,
        score=score,
        host=HOST,
        export=lambda network: export(network, example),
        cost_of=lambda network: cost(export(network, example)),
        latency_of=lambda network: latency(export(network, example)),
        task=task("classification"),
        progress=progress,
        seed=seed,
    )


def linear(weight: list[list[float]]) -> nn.Sequential:
    """One Linear, called "0", with this weight (out, in) and no bias."""
    tensor = torch.tensor(weight)
    layer = nn.Linear(tensor.shape[1], tensor.shape[0], bias=False)
    with torch.no_grad():
        layer.weight.copy_(tensor)
    return nn.Sequential(layer)
