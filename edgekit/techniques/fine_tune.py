"""Fine-tuning: train the network a little longer, so that it makes up for what was cut.  w ← w − η · ∇loss, zeros held

The loss is cross-entropy on augmented training samples; `soft_labels` of it asks for the softened answers that the
network gave before compression, which say more of a sample than its label does. The learning rate climbs for a tenth
of the time and then falls to zero. Weights that are zero when it starts stay zero, so earlier pruning is kept.

Costs: training time: an epoch is one pass over the training samples, forwards and backwards.
When it fails: with a learning rate so high that the network forgets what it knew; on few samples, which it learns by
heart. It cannot train what is quantized already, so it comes before every quantization step.
Reference: Han et al. 2015, "Learning both Weights and Connections for Efficient Neural Networks", arXiv:1506.02626;
soft labels: Hinton et al. 2015, arXiv:1503.02531; schedule: Smith and Topin 2018, arXiv:1708.07120; why the rate should
restart high: Renda et al. 2020, arXiv:2003.02389.
"""

from torch import nn

from edgekit.core.bench import Bench
from edgekit.core.technique import Applied, Change, Fact, NetworkTechnique
from edgekit.techniques._layers import weight_layers
from edgekit.techniques._train import Training, moved, train


class FineTune(Training, NetworkTechnique):
    """Settings of fine-tuning; see the module docstring."""

    title, family = "Fine-tuning", "Recovery"
    effect = "Accuracy won back; size and speed stay"
    reference = "Han et al. 2015, arXiv:1506.02626"
    needs = frozenset({Fact.FLOAT_WEIGHTS, Fact.TRAINING_DATA})
    trains = True

    def apply(self, network: nn.Module, bench: Bench) -> Applied:
        """Train, and say how far each layer's weights moved."""
        before = {name: layer.weight.detach().clone() for name, layer in weight_layers(network)}
        trained, curve = train(network, bench, self)
        changes = [Change(name, moved(before[name], layer.weight)) for name, layer in weight_layers(trained)]
        return Applied(trained, changes, curve=curve)
