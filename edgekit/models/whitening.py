"""The last layer of a network that compares samples, solved instead of trained: within-class covariance normalisation.

Hatch, Kajarekar and Stolcke 2006, "Within-class covariance normalization for SVM-based speaker recognition",
Interspeech. What samples of one class differ in is made small, and all else kept: embedding = P · W · (x − μ), where
W = (S + λ I)^(−1/2), S is the covariance (d, d) of features x around the means of their classes, μ the mean of all, and
P a random projection on as many numbers as the layer puts out. On a few hundred samples that is better than training:
training stops where it tells those few classes apart, while W says what does not matter in any class.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from edgekit.models.hints import reading

RIDGE = 0.1  # λ, as a share of the mean variance in the directions that the samples have


@torch.no_grad()
def whiten(network: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
    """Solve the layer `fc` of a network, in place, from its inputs. The projection is drawn from torch's generator.

    Args:
        network: in eval mode; its `fc` is a Linear over d features.
        batches: (inputs, labels) of the training data.
    """
    labels = []
    with reading(network) as seen:
        for inputs, own in batches:
            network(inputs)
            labels.append(own)
    features, classes = torch.cat(seen).double(), torch.cat(labels).unique(return_inverse=True)[1]  # (n, d), (n,)
    counts = classes.bincount()
    means = torch.zeros(len(counts), features.shape[1], dtype=torch.double).index_add(0, classes, features)
    within = (features - (means / counts[:, None])[classes]) / math.sqrt(len(features))
    _, deviations, directions = torch.linalg.svd(within, full_matrices=False)  # (k,), (k, d)
    variances = deviations.square()
    ridge = RIDGE * variances.mean()
    shrink = (ridge / (variances + ridge)).sqrt() - 1  # (k,) against the directions that no class varies in
    outputs, inputs = network.fc.weight.shape
    projection = nn.init.orthogonal_(torch.empty(outputs, inputs)).double()  # (outputs, d)
    weight = projection + (projection @ directions.T * shrink) @ directions
    network.fc.weight.copy_(weight)
    network.fc.bias.copy_(-weight @ features.mean(0))
