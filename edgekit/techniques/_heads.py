"""What can be removed from a transformer without touching its width: attention heads and hidden units of feed-forward
parts. Both are groups of numbers that one Linear layer reads: how much each matters, and how they are taken out.
"""

from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn

from edgekit.core.anatomy import attentions, feed_forwards
from edgekit.core.bench import Bench
from edgekit.techniques._forward import outputs, watching

GRADIENT_BATCH = 64


@dataclass(frozen=True)
class Units:
    """Heads of one attention layer, or hidden units of one feed-forward part.

    Attributes:
        kind: "heads" or "hidden units".
        makers: names of the layers whose rows make them.
        reader: name of the layer whose columns read them.
        count: how many there are.
        size: rows and columns of each.
        counted_by: (module, attribute) that says how many there are; None where only the layers do.
    """

    kind: str
    makers: tuple[str, ...]
    reader: str
    count: int
    size: int
    counted_by: tuple[str, str] | None

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of all layers that lose something."""
        return (*self.makers, self.reader)


def heads(network: nn.Module) -> list[Units]:
    """The heads of every attention layer."""
    found = []
    for one in attentions(network):
        module = network.get_submodule(one.name)
        count, size = getattr(module, one.heads), getattr(module, one.head_dim)
        found.append(Units("heads", (one.q, one.k, one.v), one.out, count, size, (one.name, one.heads)))
    return found


def hidden_units(network: nn.Module) -> list[Units]:
    """The hidden units of every feed-forward part."""
    parts = [(one, network.get_submodule(one.first).out_features) for one in feed_forwards(network)]
    return [Units("hidden units", (one.first,), one.second, count, 1, None) for one, count in parts]


@torch.no_grad()
def remove(network: nn.Module, units: Units, gone: Tensor) -> None:
    """Take the units with these numbers out: rows of those that make them, columns of the one that reads them."""
    stays = torch.ones(units.count, dtype=torch.bool).index_fill_(0, gone, False).repeat_interleave(units.size)
    for name in units.makers:
        layer = network.get_submodule(name)
        layer.weight = nn.Parameter(layer.weight[stays])  # (out, in)
        if layer.bias is not None:
            layer.bias = nn.Parameter(layer.bias[stays])
        layer.out_features = int(stays.sum())
    layer = network.get_submodule(units.reader)
    layer.weight = nn.Parameter(layer.weight[:, stays])
    layer.in_features = int(stays.sum())
    if units.counted_by:
        name, attribute = units.counted_by
        module = network.get_submodule(name)
        setattr(module, attribute, units.count - len(gone))
        if hasattr(module, "all_head_size"):  # BERT's product of the two
            module.all_head_size = int(stays.sum())


@torch.no_grad()
def importances(network: nn.Module, all_units: list[Units], kind: str, bench: Bench, samples: int) -> list[Tensor]:
    """How much each unit matters, (count,) for each of `all_units`; the squares of a layer's scores add up to 1.

    Args:
        kind: "magnitude", "contribution" or "taylor".
        samples: of calibration or training, for the last two.
    """
    measure = {"magnitude": _magnitudes, "contribution": _contributions, "taylor": _taylor}[kind]
    return [nn.functional.normalize(scores, dim=0) for scores in measure(network, all_units, bench, samples)]


def _magnitudes(network: nn.Module, all_units: list[Units], bench: Bench, samples: int) -> list[Tensor]:
    """The norm of all weights that make a unit or read it."""

    def norms(units: Units) -> Tensor:
        made = [network.get_submodule(name).weight for name in units.makers]
        rows = torch.cat([*made, network.get_submodule(units.reader).weight.T], 1)  # (count · size, in of all)
        return rows.unflatten(0, (units.count, units.size)).square().sum((1, 2)).sqrt()

    return [norms(units) for _, units in bench.each((units.reader, units) for units in all_units)]


def _contributions(network: nn.Module, all_units: list[Units], bench: Bench, samples: int) -> list[Tensor]:
    """How much each unit puts into what its reader makes: mean over calibration samples and tokens of |W x|²."""
    weights = {units.reader: _columns(network, units) for units in all_units}  # (count, size, out)
    sums = {units.reader: torch.zeros(units.count) for units in all_units}

    def look(name: str, taken: tuple, given: object) -> None:
        count, size, _ = weights[name].shape
        x = taken[0].reshape(-1, count, size)  # (tokens of all samples, count, size)
        moments = torch.einsum("tcs,tcr->csr", x, x)  # E[x xᵀ] holds all that is needed of the inputs
        sums[name] += torch.einsum("csr,cso,cro->c", moments, weights[name], weights[name])

    with watching([(name, network.get_submodule(name)) for name in weights], look):
        outputs(network, bench.calibration(samples), bench)
    return [sums[units.reader] for units in all_units]


def _taylor(network: nn.Module, all_units: list[Units], bench: Bench, samples: int) -> list[Tensor]:
    """How much the loss would move without each unit, to first order: mean over training samples of |x · ∂loss/∂x|."""
    sums, passing = {units.reader: torch.zeros(units.count) for units in all_units}, {}

    def look(name: str, taken: tuple, given: object) -> None:
        passing[name] = taken[0]
        taken[0].retain_grad()

    size = min(GRADIENT_BATCH, samples)
    batches = -(-samples // size)
    network.eval().requires_grad_(True)
    with torch.enable_grad(), watching([(name, network.get_submodule(name)) for name in sums], look):
        for number, (inputs, labels) in enumerate(islice(bench.training(size, 0), batches)):
            bench.progress(number / batches, "gradients")
            bench.task.loss(network(inputs), labels, reduction="sum").backward()
            for units in all_units:
                x = passing[units.reader]
                moved = (x * x.grad).detach().unflatten(-1, (units.count, units.size)).sum(-1)  # (n, ..., count)
                sums[units.reader] += moved.reshape(len(x), -1, units.count).sum(1).abs().sum(0)
    network.zero_grad(set_to_none=True)
    bench.progress(1.0, "gradients")
    return [sums[units.reader] for units in all_units]


def _columns(network: nn.Module, units: Units) -> Tensor:
    """The reader's weights by unit, (count, size, out)."""
    return network.get_submodule(units.reader).weight.detach().T.unflatten(0, (units.count, units.size))
