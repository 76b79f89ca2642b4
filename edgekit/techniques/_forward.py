"""Running a network on calibration samples, and looking at what passes through some of its modules meanwhile."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from edgekit.core.bench import Bench

BATCH = 64

Look = Callable[[str, tuple, object], None]  # (module's name, its inputs, its output)


@torch.no_grad()
def outputs(network: nn.Module, inputs: np.ndarray, bench: Bench) -> Tensor:
    """What the network, put into eval mode, makes of `inputs` (n, ...), in batches; progress goes from 0 to 1."""
    network.eval()
    made = []
    for start in range(0, len(inputs), BATCH):
        bench.progress(start / len(inputs), f"sample {start + 1} of {len(inputs)}")
        made.append(network(torch.from_numpy(inputs[start : start + BATCH])))
    bench.progress(1.0, "samples seen")
    return torch.cat(made)


@contextmanager
def watching(modules: Iterable[tuple[str, nn.Module]], look: Look) -> Iterator[None]:
    """While this holds, `look` is told of every pass through one of these (name, module) pairs."""

    def hook(name: str) -> Callable[[nn.Module, tuple, object], None]:
        return lambda module, taken, given: look(name, taken, given)

    handles = [module.register_forward_hook(hook(name)) for name, module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
