"""A network with everything around it that is needed to run it, score it and explain it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from edgekit.core.anatomy import attentions, blocks
from edgekit.core.task import Classification, Task
from edgekit.core.technique import Fact

if TYPE_CHECKING:
    import onnx
    from torch import nn


GREY = np.float32([0.299, 0.587, 0.114])  # what red, green and blue count in brightness (ITU-R BT.601)
Array = TypeVar("Array")


@dataclass(frozen=True)
class Preprocessing:
    """Pixels 0…255, (n, height, width, channels), become (pixel / 255 − mean) / std, (n, channels, height, width).

    Attributes:
        mean, std: per channel that the network takes.
        size: (height, width) that images are resized to first, with Pillow's bilinear filter; None leaves them.
        channels_last: the network takes (n, height, width, channels) instead.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    size: tuple[int, int] | None = None
    channels_last: bool = False

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """float32 network inputs from uint8 pixels."""
        return self.arranged(self.scaled(pixels))

    def scaled(self, pixels: np.ndarray) -> np.ndarray:
        """float32 (n, channels, height, width), whatever the network takes: what augmentation works on."""
        mean, std = (np.asarray(values, np.float32).reshape(-1, 1, 1) for values in (self.mean, self.std))
        pixels = _resized(_with_channels(pixels, len(self.mean)), self.size)
        inputs = pixels.transpose(0, 3, 1, 2).astype(np.float32, order="C")  # (n, channels, height, width)
        inputs /= 255  # in place: half the time of three new arrays, and every accuracy pass waits for this
        inputs -= mean
        inputs /= std
        return inputs

    def arranged(self, inputs: Array) -> Array:
        """Inputs (n, channels, height, width), of numpy or torch, in the order that the network takes."""
        return inputs.swapaxes(1, 2).swapaxes(2, 3) if self.channels_last else inputs


@dataclass(frozen=True)
class Model:
    """A model that can be compressed. Either `network` or `graph` is there, or both.

    Attributes:
        id: "resnet8-cifar10".
        sha256: of the weights file: the model's identity in caches and runs.
        network: in eval mode; nobody may change it (Recipe works on a private copy).
        graph: a float ONNX graph, for models that came as a file.
        why_no_network: said where `network` is None.
        quantized: whether `graph` computes on codes already.
        input_shape: of one sample, without the batch.
        data: id of the data set in the catalog.
        labels: names of the classes.
        card: what its card.yaml says.
    """

    id: str
    title: str
    sha256: str
    input_shape: tuple[int, ...]
    data: str
    preprocessing: Preprocessing
    labels: tuple[str, ...]
    network: nn.Module | None = None
    graph: onnx.ModelProto | None = None
    why_no_network: str = ""
    quantized: bool = False
    task: Task = field(default_factory=Classification)
    card: dict = field(default_factory=dict)

    def layers(self) -> list[str]:
        """Names of the layers with weight matrices or kernels, as patterns in settings mean them."""
        if self.network is not None:
            modules = self.network.named_modules()
            return [n for n, module in modules if getattr(getattr(module, "weight", None), "ndim", 0) > 1]
        stored = {tensor.name for tensor in self.graph.graph.initializer if len(tensor.dims) > 1}
        return [node.name for node in self.graph.graph.node if stored & set(node.input)]

    def facts(self) -> frozenset[Fact]:
        """What the first step of a recipe may count on."""
        facts = set() if self.quantized else {Fact.FLOAT_WEIGHTS, Fact.FLOAT_ACTIVATIONS}
        if self.network is not None:
            facts.add(Fact.NETWORK)
            if any("BatchNorm" in type(module).__name__ for module in self.network.modules()):
                facts.add(Fact.BATCH_NORM)
            facts |= {Fact.ATTENTION} if attentions(self.network) else set()
            facts |= {Fact.BLOCKS} if blocks(self.network) else set()
        if len(self.input_shape) == 3 and not self.preprocessing.channels_last:
            facts |= {Fact.CHANNELS_FIRST} | ({Fact.COLOUR} if self.input_shape[0] == 3 else set())
        if self.data:
            facts |= {Fact.CALIBRATION_DATA, Fact.TRAINING_DATA}
        return frozenset(facts)


def _with_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """(n, height, width, 1 or 3) with as many channels as wanted: grey three times over, or colours as grey."""
    if pixels.shape[-1] == channels:
        return pixels
    if pixels.shape[-1] == 1:
        return np.repeat(pixels, channels, axis=-1)
    return np.rint(pixels @ GREY).astype(np.uint8)[..., None]


def _resized(pixels: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    if size is None or pixels.shape[1:3] == size:
        return pixels
    from PIL import Image

    flat = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    resized = [Image.fromarray(one).resize(size[::-1], Image.Resampling.BILINEAR) for one in flat]
    return np.stack([np.asarray(one) for one in resized]).reshape(len(pixels), *size, pixels.shape[-1])
