"""The networks that EdgeKit defines itself, by name, and what can be counted of a network."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from edgekit.core.errors import ModelError, unknown
from edgekit.models.architectures.autoencoder import autoencoder
from edgekit.models.architectures.bert import bert_base
from edgekit.models.architectures.blocks import Shape
from edgekit.models.architectures.cnn_1d import cnn_1d
from edgekit.models.architectures.detector import detector
from edgekit.models.architectures.ds_cnn import ds_cnn
from edgekit.models.architectures.efficientnet_lite import efficientnet_lite0
from edgekit.models.architectures.face_encoder import (
    face_mobilenet_v2,
    face_mobilenet_v3_small,
    face_resnet50,
    face_resnet101,
)
from edgekit.models.architectures.gru import gru
from edgekit.models.architectures.lenet5 import LeNet5
from edgekit.models.architectures.minilm import minilm
from edgekit.models.architectures.mobilenet_v1 import mobilenet_v1
from edgekit.models.architectures.mobilenet_v2 import mobilenet_v2
from edgekit.models.architectures.mobilenet_v3_small import mobilenet_v3_small
from edgekit.models.architectures.resnet import resnet8, resnet20
from edgekit.models.architectures.resnet50 import resnet50, resnet101
from edgekit.models.architectures.seq2seq import seq2seq, seq2seq_small
from edgekit.models.architectures.transformer_big import transformer_big
from edgekit.models.architectures.vit import vit_tiny
from edgekit.models.architectures.yolov5 import yolov5s

FOR_ANY_IMAGE = {  # (classes, shape of one image, factor for the channels) -> network
    "mobilenet_v1": mobilenet_v1,
    "mobilenet_v2": mobilenet_v2,
    "mobilenet_v3_small": mobilenet_v3_small,
    "efficientnet_lite0": efficientnet_lite0,
    "ds_cnn": ds_cnn,
    "resnet8": resnet8,
}
FOR_ANY_SERIES = {"cnn_1d": cnn_1d, "gru": gru}  # (classes, shape of one series) -> network
FOR_ANY_VALUES = {"autoencoder": autoencoder}  # (as many numbers as come in, shape of one sample) -> network
FOR_ANY_TEXT = {"minilm": minilm}  # (classes, (tokens of a text,)) -> network
FOR_TEXT_PAIRS = {"seq2seq": seq2seq, "seq2seq_small": seq2seq_small}  # (pieces, (tokens of both,)) -> network
DETECTORS = {"detector": detector}  # (4 + classes, shape of one image) -> network
LARGE = {"resnet50": resnet50, "resnet101": resnet101}  # for any image too, but take no other network's place
FOR_FACES = {  # (outputs, shape of one image, factor for the channels) -> network
    "face_mobilenet_v2": face_mobilenet_v2,
    "face_mobilenet_v3_small": face_mobilenet_v3_small,
    "face_resnet50": face_resnet50,
    "face_resnet101": face_resnet101,
}
OF_ANY_SHAPE = FOR_ANY_IMAGE | FOR_ANY_SERIES | FOR_ANY_VALUES | FOR_ANY_TEXT | FOR_TEXT_PAIRS
OF_ANY_SHAPE |= DETECTORS | LARGE | FOR_FACES
SHAPES = {"bert_base": bert_base, "transformer_big": transformer_big, "yolov5s": yolov5s}  # too large to train here
ARCHITECTURES = {"lenet5": LeNet5, "resnet20": resnet20, "vit-tiny": vit_tiny} | OF_ANY_SHAPE


def build(name: str, classes: int = 10, shape: tuple[int, ...] | None = None) -> nn.Module:
    """A network with fresh random weights, drawn from torch's global generator.

    Args:
        classes: or how many other numbers it puts out.
        shape: of one input, for the architectures that take any.

    Raises:
        ModelError: there is no architecture of that name.
    """
    of_any_shape = OF_ANY_SHAPE | SHAPES
    if name not in ARCHITECTURES | SHAPES:
        raise ModelError(unknown("architecture", name, ARCHITECTURES | SHAPES))
    return of_any_shape[name](classes, shape) if shape and name in of_any_shape else ARCHITECTURES[name](classes)


def fresh(name: str, classes: int, shape: Shape, width: float, seed: int) -> nn.Module:
    """A network of FOR_ANY_IMAGE with random weights that `seed` decides. The global random state is left as it was.

    Args:
        shape: of one image, (channels, height, width).
        width: a factor for the number of channels of every layer.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return FOR_ANY_IMAGE[name](classes, shape, width)


def restored(name: str, classes: int, weights: Mapping[str, Tensor], shape: tuple[int, ...] | None = None) -> nn.Module:
    """A network with given weights, in eval mode. The global random state is left as it was.

    Args:
        shape: of one input, such as (channels, height, width), for the architectures that take any.

    Raises:
        ModelError: no such architecture, or weights that are not its own.
    """
    with torch.random.fork_rng():
        network = build(name, classes, shape)
    wanted = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in weights.items()}
    if wanted != found:
        odd = sorted(key for key in wanted | found if wanted.get(key) != found.get(key))
        raise ModelError(
            f"weights of {name} must have its names and shapes; {len(odd)} differ, such as {odd[0]}: "
            f"it must be {wanted.get(odd[0], 'absent')}, and is {found.get(odd[0], 'absent')}."
        )
    network.load_state_dict(weights)
    return network.eval()


def parameters(network: nn.Module) -> int:
    """How many numbers training sets: weights, biases, and the scales and shifts of normalisation."""
    return sum(parameter.numel() for parameter in network.parameters())


@torch.no_grad()
def multiply_accumulates(network: nn.Module, input_shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> int:
    """Multiply-accumulates of all convolutions and linear layers for one sample of `input_shape` (no batch)."""
    counts: list[int] = []

    def count(layer: nn.Module, inputs: tuple, output: Tensor) -> None:
        products = layer.weight[0].numel()  # (out, in / groups, kh, kw) or (out, in): what one output number takes
        counts.append(products * output.numel())

    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    was_training = network.training
    try:
        network.eval()(torch.zeros(1, *input_shape, dtype=dtype))
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    recurrent = getattr(network, "recurrent_products", lambda shape: 0)  # of weights that no layer is called for
    return sum(counts) + recurrent(input_shape)
