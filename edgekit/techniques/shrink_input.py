"""Smaller input: the network looks at a smaller image, so every layer has less to do.  y = f(shrink(x))

Three modes. "resolution": fewer pixels, by the mean of the area that a new pixel covers, or bilinear with a filter as
wide as a new pixel. "grey": one channel instead of three, 0.299 red + 0.587 green + 0.114 blue of what the network was
given (colours after its preprocessing). "haar": Haar's wavelet splits the image into four images of half the size, the
low frequencies and the high ones in three directions; they become channels, so nothing of the image is lost.

The file still takes the whole image: shrinking is its first step, and its time is measured with the rest. The first
layer starts from what it knew. For grey its kernel sums over colours, each times the least-squares estimate of that
colour from the grey of calibration images; for haar it gives the means of 2 × 2 of what it gave before (what had a
stride of 2: exactly what it gave). A Linear that reads flattened maps gets the means of its weights, and convolutions
without padding get some where no pixel would be left. Then the network trains, to get used to it.

Costs: `epochs` of training; a scale of 0.5 and haar save about three quarters of the work of convolutions, 0.7 half.
When it fails: details of the size of a pixel are gone, and a network that never saw small images needs training. Grey
saves only in the first layer, which is rarely where the time goes. The file stays as large as it was: weights are
shared over pixels. Zeros of earlier pruning are averaged away in the layers that are fitted: prune weights afterwards.
A ResNet-8 on CIFAR-10 took 0.30 of its time at scale 0.5 and 0.33 with haar, and after 3 epochs on 20,000 samples had
lost 12 and 11 points of 90 on validation samples; at scale 0.7 it took 0.56 and lost 5; grey lost 5 for nothing.
Reference: Howard et al. 2017, "MobileNets", arXiv:1704.04861, section 3.4 (resolution); Haar in front of a network:
Fujieda et al. 2018, "Wavelet Convolutional Neural Networks", arXiv:1805.08620.
"""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from edgekit.core.bench import Bench
from edgekit.core.errors import ModelError, NothingToDo
from edgekit.core.knobs import Knob
from edgekit.core.technique import Applied, Change, Fact, NetworkTechnique
from edgekit.techniques._first_layers import Reading, fit_the_rest, from_grey, from_haar, read
from edgekit.techniques._smaller_images import LUMINANCE, Filter, Grey, Haar, Smaller, put_before
from edgekit.techniques._train import Training, train

GREY_SAMPLES = 256  # calibration images that tell how colours follow from grey


class ShrinkInput(Training, NetworkTechnique):
    """Settings of a smaller input; see the module docstring."""

    mode: Annotated[
        Literal["resolution", "grey", "haar"],
        Knob(help="Fewer pixels, no colours, or four half-size images of low and high frequencies."),
    ] = "resolution"
    scale: Annotated[
        float, Knob(unit="share", step=0.05, help="With mode resolution: new height and width as a share of the old.")
    ] = Field(0.5, ge=0.25, le=1)
    filter: Annotated[Filter, Knob(help="With mode resolution: how pixels are averaged.", advanced=True)] = "area"
    epochs: Annotated[int, Knob(unit="epochs", help="Passes over the training samples; 0 trains nothing.")] = Field(
        3, ge=0, le=100
    )

    title, family = "Smaller input", "Input and graph"
    effect = "Faster; the file keeps its size"
    reference = "Howard et al. 2017, arXiv:1704.04861"
    identity = {"scale": 1.0}

    @property
    def needs(self) -> frozenset[Fact]:
        """Float weights, images; samples to train on; for grey, colours and samples to see them."""
        facts = {Fact.FLOAT_WEIGHTS, Fact.CHANNELS_FIRST} | ({Fact.TRAINING_DATA} if self.epochs else set())
        return frozenset(facts | ({Fact.COLOUR, Fact.CALIBRATION_DATA} if self.mode == "grey" else set()))

    @property
    def removes(self) -> frozenset[Fact]:
        """Colours, unless only the resolution changes."""
        return frozenset() if self.mode == "resolution" else frozenset({Fact.COLOUR})

    @property
    def trains(self) -> bool:
        """Whether any epochs are asked for."""
        return self.epochs > 0

    def apply(self, network: nn.Module, bench: Bench) -> Applied:
        """Put the shrinking in front, fit the layers, and train.

        Raises:
            NothingToDo: the images stay as they are.
            ModelError: the network cannot read smaller images.
        """
        bench.progress(0.0, "shrinking the input")
        images = torch.from_numpy(bench.example)
        reading = read(network, images, self.title)
        step, what = self._step(reading, bench)
        put_before(network, step)
        changes = [Change(reading.name, what)]
        changes += [Change(name, done) for name, done in fit_the_rest(network, images, reading, self.title)]
        if self.epochs:
            network, curve = train(network, bench.part(0.1, 1), self)
            return Applied(network, changes, curve=curve)
        bench.progress(1.0, "done")
        return Applied(network.eval(), changes)

    def _step(self, reading: Reading, bench: Bench) -> tuple[nn.Module, str]:
        """The module that shrinks, after fitting the first convolution to it, and what to say of it."""
        channels, height, width = reading.shape
        if self.mode == "grey":
            from_grey(reading.layer, shares_of_grey(torch.from_numpy(bench.calibration(GREY_SAMPLES))))
            return Grey(), "reads 1 channel instead of 3"
        if self.mode == "haar":
            if height % 2 or width % 2 or reading.layer.stride not in ((1, 1), (2, 2)):
                raise ModelError(
                    f"{self.title} with mode haar needs images of even height and width, and a first convolution of "
                    f"stride 1 or 2; these are {height} × {width}, and its stride is {reading.layer.stride[0]}. "
                    "Choose mode resolution."
                )
            from_haar(reading.layer)
            return Haar(channels), f"reads {4 * channels} bands of {height // 2} × {width // 2} pixels"
        smaller = tuple(max(1, round(self.scale * side)) for side in (height, width))
        if smaller == (height, width):
            raise NothingToDo(
                f"{self.title} at scale {self.scale:g} leaves the images at {height} × {width}. "
                "Lower scale, choose another mode, or remove the step."
            )
        what = f"reads {smaller[0]} × {smaller[1]} pixels instead of {height} × {width}"
        return Smaller((height, width), smaller, self.filter), what


def shares_of_grey(images: Tensor) -> Tensor:
    """How much of each colour (3,) a grey value tells: the least-squares factors, E[colour · grey] / E[grey²].

    Args:
        images: as the network takes them, (n, 3, height, width).
    """
    grey = (images * torch.tensor(LUMINANCE).view(1, 3, 1, 1)).sum(1, keepdim=True)
    return (images * grey).mean((0, 2, 3)) / grey.square().mean().clamp_min(1e-12)
