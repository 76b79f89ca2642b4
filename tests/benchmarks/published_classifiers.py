"""Networks that classify, layer by layer, as short specifications of their papers' architectures.

AlexNet (Krizhevsky 2012), VGG (arXiv:1409.1556), GoogLeNet (1409.4842), ResNet (1512.03385), SqueezeNet (1602.07360),
DenseNet (1608.06993), MobileNets (1704.04861, 1801.04381, 1905.02244), ShuffleNets (1707.01083, 1807.11164), MnasNet
(1807.11626), ProxylessNAS (1812.00332), EfficientNets (1905.11946, 2104.00298), RegNet (2003.13678), ConvNeXt
(2201.03545), MLPerf Tiny (2106.07597).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from edgekit.devices.layers import Layer
from tests.benchmarks.published_net import At, Net


def squeezenet(h: int = 227, caffe: bool = True) -> list[Layer]:
    net = Net()
    x = net.pool3(net.conv(At(3, h, h), 64, 3, 2, valid=True), caffe)
    for number, (squeezed, wide) in enumerate(FIRES):
        x = net.pool3(x, caffe) if number in (2, 4) else x
        x = fire(net, x, squeezed, wide)
    x = At(x.c, x.h + 2, x.w + 2) if caffe else x  # Caffe pads its last 1 x 1 convolution
    net.elt(net.globally(net.conv(x, 1000)))
    return net.layers


FIRES = [(16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256)]


def fire(net: Net, x: At, squeezed: int, wide: int, after: int = 0) -> At:
    x = net.also(net.conv(x, squeezed), after)
    return net.cat(net.also(net.conv(x, wide), after), net.also(net.conv(x, wide, 3), after))


def mobilenet(alpha: float = 1.0, h: int = 224, classes: int = 1000, channels: int = 3) -> list[Layer]:
    net = Net()
    return net.classify(mobilenet_body(net, At(channels, h, h), alpha)[-1], classes)


_V1 = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]


def mobilenet_body(net: Net, x: At, alpha: float = 1.0) -> list[At]:
    """The outputs of its blocks."""
    x, found = net.conv(x, int(32 * alpha), 3, 2), []
    for width, stride in _V1:
        x = net.conv(net.dw(x, 3, stride), int(width * alpha))
        found.append(x)
    return found


def mobilenet_v2(
    alpha: float = 1.0, h: int = 224, classes: int = 1000, expand_first: bool = False, detector: bool = False
) -> list[Layer]:
    net, step = Net(), lambda width: _divisible(width * alpha)
    x = net.conv(At(3, h, h), step(32), 3, 2)
    if expand_first:
        x = net.conv(x, step(32))
    x = net.conv(net.dw(x), step(16))
    shallow = None
    for expand, width, times, stride in _V2:
        for number in range(times):
            before, s = x, stride if number == 0 else 1
            y = net.conv(x, x.c * expand)
            shallow = y if (width, number) == (160, 0) else shallow
            x = net.conv(net.dw(y, 3, s), step(width))
            x = net.elt(x, before) if before == x else x
    x = net.conv(x, max(1280, _divisible(1280 * alpha)))
    if not detector:
        return net.classify(x, classes)
    deep = net.conv(net.dw(x), 576)
    up = net.elt(net.elt(deep, out=At(576, 21, 21)), out=At(576, 22, 22))
    merged = net.elt(up, net.conv(net.dw(shallow), 576))
    net.conv(deep, 75), net.conv(net.conv(net.dw(merged), 576), 75)
    return net.layers


_V2 = [(6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]


def _divisible(width: float, by: int = 8) -> int:
    rounded = max(by, int(width + by / 2) // by * by)
    return rounded + by if rounded < 0.9 * width else rounded


Block = tuple[int, int, int, int, bool, bool]  # kernel, expanded, out, stride, squeeze and excite, hard swish


V3_LARGE = [
    (3, 16, 16, 1, 0, 0), (3, 64, 24, 2, 0, 0), (3, 72, 24, 1, 0, 0), (5, 72, 40, 2, 1, 0), (5, 120, 40, 1, 1, 0),
    (5, 120, 40, 1, 1, 0), (3, 240, 80, 2, 0, 1), (3, 200, 80, 1, 0, 1), (3, 184, 80, 1, 0, 1), (3, 184, 80, 1, 0, 1),
    (3, 480, 112, 1, 1, 1), (3, 672, 112, 1, 1, 1), (5, 672, 160, 2, 1, 1), (5, 960, 160, 1, 1, 1),
    (5, 960, 160, 1, 1, 1),
]  # fmt: skip
V3_SMALL = [
    (3, 16, 16, 2, 1, 0), (3, 72, 24, 2, 0, 0), (3, 88, 24, 1, 0, 0), (5, 96, 40, 2, 1, 1), (5, 240, 40, 1, 1, 1),
    (5, 240, 40, 1, 1, 1), (5, 120, 48, 1, 1, 1), (5, 144, 48, 1, 1, 1), (5, 288, 96, 2, 1, 1), (5, 576, 96, 1, 1, 1),
    (5, 576, 96, 1, 1, 1),
]  # fmt: skip
V3_NCNN = [*V3_LARGE[:12], (5, 672, 160, 1, 1, 1), (5, 672, 160, 2, 1, 1), (5, 960, 160, 1, 1, 1)]


def mobilenet_v3(blocks: list[Block] = V3_LARGE, last: int = 1280, reduced: Callable[[int], int] | None = None):
    net, reduced = Net(), reduced or (lambda width: _divisible(width / 4))
    x = net.swish(net.conv(At(3, 224, 224), 16, 3, 2))
    for k, expanded, width, stride, excite, hard in blocks:
        before = x
        if expanded != x.c:
            x = net.conv(x, expanded)
            x = net.swish(x) if hard else x
        x = net.dw(x, k, stride)
        x = net.squeeze_excite(x, reduced(expanded), gates=3) if excite else x
        x = net.swish(x) if hard or excite else x
        x = net.conv(x, width)
        x = net.elt(x, before) if before == x else x
    x = net.globally(net.swish(net.conv(x, 6 * x.c)))
    net.elt(net.fc(net.swish(net.fc(x, last)), 1000))
    return net.layers


def mnasnet(alpha: float = 1.0) -> list[Layer]:
    net, step = Net(), lambda width: _divisible(width * alpha)
    x = net.conv(net.dw(net.conv(At(3, 224, 224), step(32), 3, 2)), step(16))
    for expand, width, times, stride, k in _MNAS:
        for number in range(times):
            before = x
            x = net.conv(net.dw(net.conv(x, x.c * expand), k, stride if number == 0 else 1), step(width))
            x = net.elt(x, before) if before == x else x
    return net.classify(net.conv(x, 1280))


_MNAS = [(3, 24, 3, 2, 3), (3, 40, 3, 2, 5), (6, 80, 3, 2, 5), (6, 96, 2, 1, 3), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3)]


def proxylessnasnet() -> list[Layer]:
    net = Net()
    x = net.conv(net.dw(net.conv(At(3, 224, 224), 32, 3, 2)), 32)
    for expanded, k, stride, width in _PROXYLESS:
        before = x
        x = net.conv(net.dw(net.conv(x, expanded), k, stride), width)
        x = net.elt(x, before) if before == x else x
    return net.classify(net.conv(x, 1280))


_PROXYLESS = [
    (48, 5, 2, 32), (96, 3, 1, 32), (96, 7, 2, 40), (120, 3, 1, 40), (120, 5, 1, 40), (120, 5, 1, 40), (240, 7, 2, 80),
    (240, 5, 1, 80), (240, 5, 1, 80), (240, 5, 1, 80), (480, 5, 1, 96), (288, 5, 1, 96), (288, 5, 1, 96),
    (288, 5, 1, 96), (576, 7, 2, 192), (1152, 7, 1, 192), (576, 7, 1, 192), (576, 7, 1, 192), (1152, 7, 1, 320),
]  # fmt: skip


def efficientnet(width: float = 1.0, depth: float = 1.0, h: int = 224) -> list[Layer]:
    net, step = Net(), lambda channels: _divisible(channels * width)
    x = net.swish(net.conv(At(3, h, h), step(32), 3, 2))
    for expand, k, stride, out, times in _EFFICIENT:
        for number in range(math.ceil(times * depth)):
            before = x
            y = net.swish(net.conv(x, x.c * expand)) if expand > 1 else x
            y = net.swish(net.dw(y, k, stride if number == 0 else 1))
            y = net.squeeze_excite(y, max(1, before.c // 4), gates=1)
            x = net.conv(y, step(out))
            x = net.elt(x, before) if before == x else x
    return net.classify(net.swish(net.conv(x, step(1280))))


_EFFICIENT = [
    (1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
]  # fmt: skip


def efficientnetv2_b0() -> list[Layer]:
    net = Net()
    x = net.swish(net.conv(net.swish(net.conv(At(3, 224, 224), 32, 3, 2)), 16, 3))
    for width, stride in ((32, 2), (32, 1), (48, 2), (48, 1)):
        before = x
        x = net.conv(net.swish(net.conv(x, 4 * x.c, 3, stride)), width)
        x = net.elt(net.elt(x, before)) if before == x else x
    stages = [(4, 96, 2), *[(4, 96, 1)] * 2, *[(6, 112, 1)] * 5, (6, 192, 2), *[(6, 192, 1)] * 7]
    for expand, width, stride in stages:
        before = x
        y = net.swish(net.dw(net.swish(net.conv(x, expand * x.c)), 3, stride))
        x = net.conv(net.squeeze_excite(y, before.c // 4, gates=1), width)
        x = net.elt(net.elt(x, before)) if before == x else x
    return net.classify(net.swish(net.conv(x, 1280)))


def regnet(widths: list[int], depths: list[int], group: int, excite: bool) -> list[Layer]:
    net = Net()
    x = net.conv(At(3, 224, 224), 32, 3, 2)
    for width, depth in zip(widths, depths, strict=True):
        for number in range(depth):
            before, stride = x, 2 if number == 0 else 1
            beside = net.conv(x, width, 1, 2) if number == 0 else x
            y = net.conv(net.conv(x, width), width, 3, stride, width // group)
            y = net.squeeze_excite(y, before.c // 4) if excite else y
            x = net.elt(net.elt(net.conv(y, width), beside))
    return net.classify(x)


def googlenet(caffe: bool = True) -> list[Layer]:
    net = Net()
    x = net.pool(net.conv(At(3, 224, 224), 64, 7, 2))
    x = net.elt(x) if caffe else x
    x = net.conv(net.conv(x, 64), 192, 3)
    x = net.pool(net.elt(x) if caffe else x)
    for number, (a, b0, b1, c0, c1, d) in enumerate(_INCEPTION):
        x = net.pool(x) if number in (2, 7) else x
        five = net.conv(net.conv(x, c0), c1, 5 if caffe else 3)
        x = net.cat(net.conv(x, a), net.conv(net.conv(x, b0), b1, 3), five, net.conv(net.elt(x), d))
    return net.classify(x)


_INCEPTION = [
    (64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64), (192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64),
    (128, 128, 256, 24, 64, 64), (112, 144, 288, 32, 64, 64), (256, 160, 320, 32, 128, 128),
    (256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128),
]  # fmt: skip


def resnet18(project_first: bool = False) -> list[Layer]:
    net = Net()
    x = net.pool(net.conv(At(3, 224, 224), 64, 7, 2))
    for stage, width in enumerate((64, 128, 256, 512)):
        for number in range(2):
            stride = 2 if stage and not number else 1
            beside = net.conv(x, width, 1, stride) if stride == 2 or (project_first and not stage + number) else x
            x = net.elt(net.elt(net.conv(net.conv(x, width, 3, stride), width, 3), beside))
    return net.classify(x)


def resnet(
    depths: tuple[int, ...] = (3, 4, 6, 3), h: int = 224, wide: int = 1, stride_in_3x3: bool = True
) -> list[Layer]:
    net = Net()
    x = net.pool(net.conv(At(3, h, h), 64, 7, 2))
    for stage, (width, depth) in enumerate(zip((64, 128, 256, 512), depths, strict=True)):
        for number in range(depth):
            stride = 2 if stage and not number else 1
            beside = net.conv(x, 4 * width, 1, stride) if not number else x
            y = net.conv(x, wide * width, 1, 1 if stride_in_3x3 else stride)
            y = net.conv(y, wide * width, 3, stride if stride_in_3x3 else 1)
            x = net.elt(net.elt(net.conv(y, 4 * width), beside))
    return net.classify(x)


def small_resnet(blocks: int = 1, project: bool = True) -> list[Layer]:
    """ResNets for CIFAR-10: 6 · blocks + 2 layers."""
    net = Net()
    x = net.conv(At(3, 32, 32), 16, 3)
    for stage, width in enumerate((16, 32, 64)):
        for number in range(blocks):
            stride = 2 if stage and not number else 1
            y = net.conv(net.conv(x, width, 3, stride), width, 3)
            x = net.elt(y, net.conv(x, width, 1, stride) if stride == 2 and project else x)
    return net.classify(x, 10)


def vgg(depths: tuple[int, ...] = (2, 2, 3, 3, 3)) -> list[Layer]:
    net, x = Net(), At(3, 224, 224)
    for width, depth in zip((64, 128, 256, 512, 512), depths, strict=True):
        for _ in range(depth):
            x = net.conv(x, width, 3)
        x = net.pool(x)
    net.elt(net.fc(net.fc(net.fc(x, 4096), 4096), 1000))
    return net.layers


def alexnet() -> list[Layer]:
    net = Net()
    x = net.pool(net.elt(net.conv(At(3, 227, 227), 96, 11, 4, valid=True)), up=False)
    x = net.pool(net.elt(net.conv(x, 256, 5, g=2)), up=False)
    x = net.pool(net.conv(net.conv(net.conv(x, 384, 3), 384, 3, g=2), 256, 3, g=2), up=False)
    net.elt(net.fc(net.fc(net.fc(x, 4096), 4096), 1000))
    return net.layers


def densenet121() -> list[Layer]:
    net = Net()
    x = net.pool(net.conv(At(3, 224, 224), 64, 7, 2))
    for stage, depth in enumerate((6, 12, 24, 16)):
        parts = [x]
        for _ in range(depth):
            parts.append(net.conv(net.conv(net.elt(x), 128), 32, 3))
            x = net.cat(*parts)
        x = net.pool(net.conv(net.elt(x), x.c // 2)) if stage < 3 else net.elt(x)
    return net.classify(x)


def convnext_tiny() -> list[Layer]:
    net, x = Net(), At(3, 224, 224)
    for stage, (width, depth) in enumerate(zip((96, 192, 384, 768), (3, 3, 9, 3), strict=True)):
        x = net.elt(net.conv(x, width, 2 if stage else 4, 2 if stage else 4))
        for _ in range(depth):
            y = net.elt(net.conv(net.elt(net.dw(x, 7)), 4 * width))
            x = net.elt(net.conv(y, width), x)
    return net.classify(x)


def shufflenet() -> list[Layer]:
    net = Net()
    x = net.pool(net.conv(At(3, 224, 224), 24, 3, 2))
    for stage, (width, depth) in enumerate(zip((240, 480, 960), (4, 8, 4), strict=True)):
        for number in range(depth):
            beside, stride = x, 1 if number else 2
            beside = net.pool(x) if stride == 2 else x
            first = not stage and not number
            y = net.conv(x, (54 if first else _middle(width, number, stage)), g=1 if first else 3)
            y = y if first else net.elt(y)
            out = width - x.c if stride == 2 else width
            y = net.conv(net.dw(y, 3, stride), out, g=3)
            x = net.elt(net.cat(y, beside) if stride == 2 else net.elt(y, beside))
    return net.classify(x)


def _middle(width: int, number: int, stage: int) -> int:
    return (width // 2 if number == 0 and stage else width) // 4


def shufflenet_v2(widths: tuple[int, ...] = (116, 232, 464), last: int = 1024) -> list[Layer]:
    net = Net()
    x = shuffle_v2_body(net, net.pool(net.conv(At(3, 224, 224), 24, 3, 2)), widths)[-1]
    return net.classify(net.conv(x, last))


def shuffle_v2_body(net: Net, x: At, widths: tuple[int, ...], even: bool = False) -> list[At]:
    """The outputs of its stages; with `even` the first block of each splits its width as its input has it."""
    found = []
    for width, depth in zip(widths, (4, 8, 4), strict=True):
        half = width // 2
        left = net.conv(net.dw(x, 3, 2), half)
        x = net.elt(net.cat(left, net.conv(net.dw(net.conv(x, half), 3, 2), half)))
        for _ in range(depth - 1):
            part = net.elt(x, out=At(half, x.h, x.w))
            x = net.elt(net.cat(part, net.conv(net.dw(net.conv(part, half)), half)))
        found.append(x)
    return found


def ds_cnn() -> list[Layer]:
    """MLPerf Tiny's keyword spotter."""
    net = Net()
    y = At(64, 25, 5)
    y = net._add("conv", y.size * 40, 64 * 40, [At(1, 49, 10)], y, 1, 64)  # 10 x 4, stride 2
    for _ in range(4):
        y = net.conv(net.dw(y), 64)
    return net.classify(y, 12)


def autoencoder() -> list[Layer]:
    """MLPerf Tiny's anomaly detector."""
    net, x = Net(), At(640, 1, 1)
    for width in (128, 128, 128, 128, 8, 128, 128, 128, 128, 640):
        x = net.fc(x, width)
    return net.layers
