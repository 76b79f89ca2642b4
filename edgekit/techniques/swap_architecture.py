"""Another architecture: a small published network takes the place.  train a fresh student on labels and teacher

The student starts from random weights and learns from the labels and from the softened answers of the original network
(`soft_labels`). Six are at hand, all made for small devices: MobileNetV1, V2 and V3-Small, EfficientNet-Lite0, DS-CNN
and ResNet-8. `width` is a factor for the channels of every layer, rounded to multiples of eight. They were published
for 224 × 224 pixels; smaller images are halved less often, so that at least 3 × 3 values are left before the mean over
space (32 pixels: three halvings instead of five, of which the first two are left out).

Costs: training from nothing: ten epochs are the least to hope for, and the papers' own take hundreds.
When it fails: nothing of what the network knew is kept but what its answers tell, so few epochs or few samples give
less than pruning would. The published widths are for 1,000 classes: on 32 × 32 pixels and ten classes, MobileNetV2 at
width 1 is larger than a ResNet-20. Many thin layers can take longer than few dense ones that compute more. What earlier
steps did is thrown away.
Reference: Sandler et al. 2018, "MobileNetV2", arXiv:1801.04381; Howard et al. 2017, arXiv:1704.04861; Howard et al.
2019, arXiv:1905.02244; Tan and Le 2019, "EfficientNet", arXiv:1905.11946; Zhang et al. 2017, "Hello Edge" (DS-CNN),
arXiv:1711.07128; Banbury et al. 2021, "MLPerf Tiny" (ResNet-8), arXiv:2106.07597.
"""

from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from edgekit.core.bench import Bench
from edgekit.core.knobs import Knob
from edgekit.core.technique import Applied, Fact, NetworkTechnique
from edgekit.models.architectures import fresh
from edgekit.techniques._students import TrainingAnew, described, train_anew, wanted

WITHOUT_BLOCKS = ("mobilenet_v1", "ds_cnn")


class SwapArchitecture(TrainingAnew, NetworkTechnique):
    """Settings of another architecture; see the module docstring."""

    architecture: Annotated[
        Literal["mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_lite0", "ds_cnn", "resnet8"],
        Knob(help="The network that takes the place of this one."),
    ] = "mobilenet_v2"
    width: Annotated[
        float, Knob(unit="share", step=0.05, help="Share of the published number of channels, in every layer.")
    ] = Field(0.25, ge=0.1, le=1)

    title, family = "Another architecture", "Smaller networks"
    effect = "Another network, trained from nothing: as small and fast as it is"
    reference = "Sandler et al. 2018, arXiv:1801.04381"
    needs = frozenset({Fact.FLOAT_WEIGHTS, Fact.CHANNELS_FIRST, Fact.CALIBRATION_DATA, Fact.TRAINING_DATA})
    removes = frozenset({Fact.ATTENTION, Fact.BLOCKS})
    trains = True
    renames = True

    @property
    def adds(self) -> frozenset[Fact]:
        """Batch normalisation; residual blocks where the architecture has them."""
        return frozenset({Fact.BATCH_NORM} | (set() if self.architecture in WITHOUT_BLOCKS else {Fact.BLOCKS}))

    def apply(self, network: nn.Module, bench: Bench) -> Applied:
        """Train a student from random weights, and say of which layers it is made.

        Raises:
            ModelError: the network does not take images, or does not tell classes apart.
        """
        classes, shape = wanted(network, bench.example, self.title)
        student = fresh(self.architecture, classes, shape, self.width, bench.seed)
        student, curve = train_anew(student, bench, self)
        return Applied(student, described(student), curve=curve)
