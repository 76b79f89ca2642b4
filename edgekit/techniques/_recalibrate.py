"""Batch normalisation after a change of the weights before it: its mean and variance, measured again.

What a layer puts out is another distribution once channels are gone, but the statistics that it is normalised by are
those of training. Much of what pruning loses at first is this, and comes back with a few batches and no label: Li et
al. 2020, "EagleEye", arXiv:2007.02491, section 3.3.
"""

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from edgekit.core.bench import Bench

SAMPLES, BATCH = 512, 64


@torch.no_grad()
def recalibrate(network: nn.Module, bench: Bench) -> None:
    """Set every running mean and variance to what calibration samples give, and leave the network in eval mode.

    Each layer sees its inputs normalised by the batch's own statistics, as in training, and keeps the mean over batches
    of batch mean and unbiased batch variance. A network without such layers stays as it is, and where there are no
    samples so do the statistics.
    """
    layers = [one for one in network.modules() if isinstance(one, _BatchNorm) and one.track_running_stats]
    inputs = bench.calibration(SAMPLES) if layers else np.empty(0)
    network.eval()
    if len(inputs) < 2:  # of a single sample there is no variance
        return
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the plain mean over batches
        layer.train()
    batches = np.array_split(inputs, -(-len(inputs) // BATCH))
    for number, batch in enumerate(batches):
        bench.progress(number / len(batches), "measuring batch normalisation")
        network(torch.from_numpy(batch))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    network.eval()
