"""The networks whose latencies others published, layer by layer, as short specifications of the architectures.

The rows give a name, an input, multiply-accumulates and parameters. What is built here from the papers, and for ncnn's
from the shapes in its benchmark folder, must come to the same counts: `python -m tests.benchmarks.devices` leaves a
network out that does not, and says so.

Sources: AlexNet (Krizhevsky 2012), VGG (arXiv:1409.1556), GoogLeNet (1409.4842), ResNet (1512.03385, 1603.05027),
SqueezeNet (1602.07360), DenseNet (1608.06993), MobileNets (1704.04861, 1801.04381, 1905.02244), ShuffleNets
(1707.01083, 1807.11164), MnasNet (1807.11626), ProxylessNAS (1812.00332), EfficientNets (1905.11946, 2104.00298),
RegNet (2003.13678), ConvNeXt (2201.03545), SSD (1512.02325), YOLOv4 (2004.10934), BlazeFace (1907.05047), MLPerf Tiny
(2106.07597).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from edgekit.devices.layers import Layer, kind_of_convolution


@dataclass(frozen=True)
class At:
    """A tensor: channels, height, width, and how many layers are before it."""

    c: int
    h: int
    w: int
    depth: int = field(default=0, compare=False)

    @property
    def size(self) -> int:
        return self.c * self.h * self.w


class Net:
    """Collects layers; every method takes the tensor that it reads and gives the one that it makes."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []

    def conv(self, x: At, cout: int, k: int = 1, s: int = 1, g: int = 1, valid: bool = False) -> At:
        side = (lambda n: (n - k) // s + 1) if valid else (lambda n: math.ceil(n / s))
        y = At(cout, side(x.h), side(x.w))
        cin, per_group = x.c // g, cout // g
        kind = kind_of_convolution((k, k), (s, s), g, cin, per_group)
        weights = cout * cin * k * k
        return self._add(kind, y.h * y.w * weights, weights, [x], y, cin, per_group)

    def dw(self, x: At, k: int = 3, s: int = 1, valid: bool = False) -> At:
        return self.conv(x, x.c, k, s, x.c, valid)

    def fc(self, x: At, cout: int) -> At:
        return self._add("fc", x.size * cout, x.size * cout, [x], At(cout, 1, 1), x.size, cout)

    def elt(self, *xs: At, out: At | None = None) -> At:
        """An operation without multiplications; as large as its first input unless `out` says otherwise."""
        return self._add("elt", 0, 0, xs, out or xs[0])

    def also(self, x: At, times: int) -> At:
        """So many operations that keep the shape."""
        for _ in range(times):
            x = self.elt(x)
        return x

    def pool(self, x: At, s: int = 2, up: bool = True) -> At:
        side = (lambda n: math.ceil(n / s)) if up else (lambda n: n // s)
        return self.elt(x, out=At(x.c, side(x.h), side(x.w)))

    def pool3(self, x: At, up: bool = True) -> At:
        """3 x 3, stride 2, without padding; what does not fill a window counts with `up`, as in Caffe."""
        h, w = (((n - 3 + up) // 2 + 1) for n in (x.h, x.w))
        return self.elt(x, out=At(x.c, h, w))

    def globally(self, x: At) -> At:
        return self.elt(x, out=At(x.c, 1, 1))

    def cat(self, *xs: At) -> At:
        return self.elt(*xs, out=At(sum(x.c for x in xs), xs[0].h, xs[0].w))

    def squeeze_excite(self, x: At, reduced: int, gates: int = 0) -> At:
        gate = self.also(self.fc(self.fc(self.globally(x), reduced), x.c), gates)
        return self.elt(x, gate)

    def swish(self, x: At) -> At:
        return self.elt(x)

    def classify(self, x: At, classes: int = 1000) -> list[Layer]:
        self.elt(self.fc(self.globally(x), classes))
        return self.layers

    def _add(self, kind: str, macs: int, weights: int, xs: Sequence[At], y: At, cin: int = 0, cout: int = 0) -> At:
        """`y`, as deep as it then is."""
        y = replace(y, depth=1 + max(x.depth for x in xs))
        name, read = f"{kind}{len(self.layers)}", sum(x.size for x in xs)
        self.layers.append(Layer(name, kind, macs, weights, read, y.size, y.depth, len(xs), cin, cout))
        return y


def squeezenet(h: int = 227, caffe: bool = True) -> list[Layer]:
    net = Net()
    x = net.pool3(net.conv(At(3, h, h), 64, 3, 2, valid=True), caffe)
    for number, (squeezed, wide) in enumerate(_FIRES):
        x = net.pool3(x, caffe) if number in (2, 4) else x
        x = _fire(net, x, squeezed, wide)
    x = At(x.c, x.h + 2, x.w + 2) if caffe else x  # Caffe pads its last 1 x 1 convolution
    net.elt(net.globally(net.conv(x, 1000)))
    return net.layers


_FIRES = [(16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256)]


def _fire(net: Net, x: At, squeezed: int, wide: int, after: int = 0) -> At:
    x = net.also(net.conv(x, squeezed), after)
    return net.cat(net.also(net.conv(x, wide), after), net.also(net.conv(x, wide, 3), after))


def squeezenet_ssd() -> list[Layer]:
    net, heads = Net(), []
    x = net.pool3(net.conv(At(3, 300, 300), 64, 3, 2, valid=True))
    for number, (squeezed, wide) in enumerate([*_FIRES, (96, 384), (96, 384)]):
        x = net.pool3(x) if number in (2, 4, 8, 9) else x
        after = 1 if number < 8 else 3  # ncnn's file has activations, and late normalizations, as layers of their own
        x = _fire(net, x, squeezed, wide, after)
        if number in (3, 7, 8, 9):
            heads.append((x, 4 if number == 3 else 6))
    for narrow, wide, boxes in ((128, 256, 6), (64, 128, 4)):
        x = net.also(net.conv(net.also(net.conv(x, narrow), 3), wide, 3, 2), 3)
        heads.append((x, boxes))
    for at, boxes in heads:
        for each in (4, 21):
            net.also(net.conv(at, boxes * each, 3), 2)
    return net.layers


def mobilenet(alpha: float = 1.0, h: int = 224, classes: int = 1000, channels: int = 3) -> list[Layer]:
    net = Net()
    return net.classify(_mobilenet(net, At(channels, h, h), alpha)[-1], classes)


_V1 = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]


def _mobilenet(net: Net, x: At, alpha: float = 1.0) -> list[At]:
    """The outputs of its blocks."""
    x, found = net.conv(x, int(32 * alpha), 3, 2), []
    for width, stride in _V1:
        x = net.conv(net.dw(x, 3, stride), int(width * alpha))
        found.append(x)
    return found


def mobilenet_ssd() -> list[Layer]:
    net = Net()
    blocks = _mobilenet(net, At(3, 300, 300))
    x, heads = blocks[-1], [(blocks[10], 3), (blocks[-1], 6)]
    for narrow, wide in ((256, 512), (128, 256), (128, 256), (64, 128)):
        x = net.conv(net.conv(x, narrow), wide, 3, 2)
        heads.append((x, 6))
    for at, boxes in heads:
        for each in (4, 21):
            net.elt(net.conv(at, boxes * each))
    return net.layers


def mobilenet_yolo() -> list[Layer]:
    net = Net()
    blocks = _mobilenet(net, At(3, 416, 416))
    deep = net.conv(net.dw(blocks[-1]), 1024)
    up = At(512, 2 * deep.h, 2 * deep.w)
    up = net._add("gconv", up.size * 4 * 2, 16384, [deep], up, 2, 1)  # a transposed convolution, 4 x 4, stride 2
    shallow = net.conv(net.dw(net.elt(blocks[10], up)), 1024)
    net.conv(deep, 125), net.conv(shallow, 125)
    return net.layers


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


_V3_LARGE = [
    (3, 16, 16, 1, 0, 0), (3, 64, 24, 2, 0, 0), (3, 72, 24, 1, 0, 0), (5, 72, 40, 2, 1, 0), (5, 120, 40, 1, 1, 0),
    (5, 120, 40, 1, 1, 0), (3, 240, 80, 2, 0, 1), (3, 200, 80, 1, 0, 1), (3, 184, 80, 1, 0, 1), (3, 184, 80, 1, 0, 1),
    (3, 480, 112, 1, 1, 1), (3, 672, 112, 1, 1, 1), (5, 672, 160, 2, 1, 1), (5, 960, 160, 1, 1, 1),
    (5, 960, 160, 1, 1, 1),
]  # fmt: skip
_V3_SMALL = [
    (3, 16, 16, 2, 1, 0), (3, 72, 24, 2, 0, 0), (3, 88, 24, 1, 0, 0), (5, 96, 40, 2, 1, 1), (5, 240, 40, 1, 1, 1),
    (5, 240, 40, 1, 1, 1), (5, 120, 48, 1, 1, 1), (5, 144, 48, 1, 1, 1), (5, 288, 96, 2, 1, 1), (5, 576, 96, 1, 1, 1),
    (5, 576, 96, 1, 1, 1),
]  # fmt: skip
_V3_NCNN = [*_V3_LARGE[:12], (5, 672, 160, 1, 1, 1), (5, 672, 160, 2, 1, 1), (5, 960, 160, 1, 1, 1)]


def mobilenet_v3(blocks: list[Block] = _V3_LARGE, last: int = 1280, reduced: Callable[[int], int] | None = None):
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


def blazeface() -> list[Layer]:
    net = Net()
    x = net.conv(net.elt(At(3, 128, 128)), 24, 5, 2)
    plan = [(24, 1), (28, 1), (32, 2), (36, 1), (42, 1), (48, 2), (56, 1), (64, 1), (72, 1), (80, 1), (88, 1), (96, 2)]
    for width, stride in [*plan, *[(96, 1)] * 4]:
        beside = x
        if stride == 2:
            net.elt(x)
            beside = net.pool(x)
        beside = net.elt(beside, out=At(width, beside.h, beside.w)) if width != x.c else beside
        x = net.elt(net.elt(net.conv(net.dw(x, 3, stride), width), beside))
    return net.layers


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
    x = _shuffle_v2(net, net.pool(net.conv(At(3, 224, 224), 24, 3, 2)), widths)[-1]
    return net.classify(net.conv(x, last))


def _shuffle_v2(net: Net, x: At, widths: tuple[int, ...], even: bool = False) -> list[At]:
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


def nanodet_m() -> list[Layer]:
    net = Net()
    stages = _shuffle_v2(net, net.pool(net.conv(At(3, 320, 320), 24, 3, 2)), (116, 232, 464))
    low, middle, high = (net.conv(x, 96) for x in stages)
    middle = net.elt(middle, net.elt(high, out=middle))
    low = net.elt(low, net.elt(middle, out=low))
    middle = net.elt(middle, net.elt(low, out=middle))
    high = net.elt(high, net.elt(middle, out=high))
    for x in (low, middle, high):
        for _ in range(2):
            x = net.conv(net.dw(x), 96)
        x = net.conv(x, 112)
        for _ in range(3):
            net.elt(x)
    return net.layers


def yolo_fastest() -> list[Layer]:
    net = Net()
    x = net.conv(net.dw(net.conv(net.conv(At(3, 320, 320), 8, 3, 2), 8)), 4)
    middle = None
    for first, expanded, width, stride, times in _FASTEST:
        for number in range(times):
            before, s = x, stride if number == 0 else 1
            y = net.conv(x, expanded if number else first)
            middle = before if width == 48 and number == 0 else middle
            x = net.conv(net.dw(y, 3, s), width)
            x = net.elt(x, before) if before == x else x
    for _ in range(3):
        net.elt(x)
    deep = net.conv(net.elt(x, x, x, x, out=At(192, 10, 10)), 96)
    y = net.cat(net.elt(deep, out=At(96, 20, 20)), middle)
    for at, width in ((deep, 96), (y, 120)):
        for _ in range(2):
            at = net.conv(net.dw(at, 5), width)
        net.conv(at, 255)
    return net.layers


_FASTEST = [
    (8, 8, 4, 1, 1), (24, 32, 8, 2, 3), (32, 48, 8, 2, 3), (48, 96, 16, 1, 5), (96, 136, 24, 2, 5), (136, 224, 48, 2, 6),
]  # fmt: skip


def yolo_fastestv2() -> list[Layer]:
    net = Net()
    stages = _shuffle_v2(net, net.pool(net.conv(At(3, 352, 352), 24, 3, 2)), (48, 96, 192))
    deep = net.conv(stages[2], 72)
    shallow = net.conv(net.cat(net.elt(stages[2], out=At(192, 22, 22)), stages[1]), 72)
    for at in (deep, shallow):
        for outputs in ((80, 3), (12,)):
            x = at
            for _ in range(2):
                x = net.conv(net.dw(x, 5), 72)
            for width in outputs:
                net.elt(net.conv(x, width))
    return net.layers


def fastestdet() -> list[Layer]:
    net = Net()
    stages = _shuffle_v2(net, net.pool(net.conv(At(3, 352, 352), 24, 3, 2)), (48, 96, 192))
    x = net.conv(net.cat(net.pool(stages[0]), stages[1], net.elt(stages[2], out=At(192, 22, 22))), 96)
    wide = [net.dw(at, 5) for at in (x, net.dw(x, 5), net.dw(net.dw(x, 5), 5))]
    x = net.conv(net.elt(net.elt(net.conv(net.cat(*wide), 96), x)), 96)
    for width in (80, 4, 1):
        net.elt(net.conv(net.dw(x, 5), width))
    return net.layers


def yolov4_tiny() -> list[Layer]:
    net = Net()
    x = net.conv(net.conv(At(3, 416, 416), 32, 3, 2), 64, 3, 2)
    for width in (64, 128, 256):
        x = net.conv(x, width, 3)
        half = net.elt(x, out=At(width // 2, x.h, x.w))
        first = net.conv(half, width // 2, 3)
        middle = net.conv(net.cat(net.conv(first, width // 2, 3), first), width)
        x = net.pool(net.cat(x, middle))
    deep = net.conv(net.conv(x, 512, 3), 256)
    net.conv(net.conv(deep, 512, 3), 255)
    up = net.conv(deep, 128)
    net.conv(net.conv(net.cat(net.elt(up, out=At(128, 26, 26)), middle), 256, 3), 255)
    return net.layers


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


NETWORKS: dict[tuple[str, str], Callable[[], list[Layer]]] = {
    ("squeezenet", "227x227x3"): squeezenet,
    ("SqueezeNet", "224x224x3"): lambda: squeezenet(224),
    ("squeezenet1_1", "224x224x3"): lambda: squeezenet(224, caffe=False),
    ("squeezenet_ssd", "300x300x3"): squeezenet_ssd,
    ("mobilenet", "224x224x3"): mobilenet,
    ("MobileNet v1", "224x224x3"): mobilenet,
    ("mobilenet_ssd", "300x300x3"): mobilenet_ssd,
    ("mobilenet_yolo", "416x416x3"): mobilenet_yolo,
    ("mobilenet_v2", "224x224x3"): lambda: mobilenet_v2(expand_first=True),
    ("MobileNet v2", "224x224x3"): mobilenet_v2,
    ("mobilenetv2_yolov3", "352x352x3"): lambda: mobilenet_v2(h=352, detector=True),
    ("mobilenet_v3", "224x224x3"): lambda: mobilenet_v3(_V3_NCNN, reduced=lambda width: width // 4),
    ("mobilenet_v3_large", "224x224x3"): mobilenet_v3,
    ("mobilenet_v3_small", "224x224x3"): lambda: mobilenet_v3(_V3_SMALL, last=1024),
    ("mnasnet", "224x224x3"): mnasnet,
    ("mnasnet05", "224x224x3"): lambda: mnasnet(0.5),
    ("proxylessnasnet", "224x224x3"): proxylessnasnet,
    ("efficientnet_b0", "224x224x3"): efficientnet,
    ("efficientnet_b4", "380x380x3"): lambda: efficientnet(1.4, 1.8, 380),
    ("efficientnetv2_b0", "224x224x3"): efficientnetv2_b0,
    ("regnety_400m", "224x224x3"): lambda: regnet([48, 104, 208, 440], [1, 3, 6, 6], 8, excite=True),
    ("regnet", "224x224x3"): lambda: regnet([96, 192, 432, 1008], [2, 6, 15, 2], 48, excite=False),
    ("blazeface", "128x128x3"): blazeface,
    ("googlenet", "224x224x3"): googlenet,
    ("Inception v1", "224x224x3"): googlenet,
    ("resnet18", "224x224x3"): resnet18,
    ("resnet50", "224x224x3"): resnet,
    ("resnet101", "224x224x3"): lambda: resnet((3, 4, 23, 3)),
    ("wideresnet50", "224x224x3"): lambda: resnet(wide=2),
    ("ResNet-50 V1", "299x299x3"): lambda: resnet(h=299, stride_in_3x3=False),
    ("ResNet-50 V2", "299x299x3"): lambda: resnet(h=299),
    ("ResNet-152 V2", "299x299x3"): lambda: resnet((3, 8, 36, 3), h=299),
    ("vgg16", "224x224x3"): vgg,
    ("VGG16", "224x224x3"): vgg,
    ("VGG19", "224x224x3"): lambda: vgg((2, 2, 4, 4, 4)),
    ("alexnet", "227x227x3"): alexnet,
    ("densenet121", "224x224x3"): densenet121,
    ("convnext_tiny", "224x224x3"): convnext_tiny,
    ("shufflenet", "224x224x3"): shufflenet,
    ("shufflenet_v2", "224x224x3"): shufflenet_v2,
    ("nanodet_m", "320x320x3"): nanodet_m,
    ("yolo-fastest-1.1", "320x320x3"): yolo_fastest,
    ("yolo-fastestv2", "352x352x3"): yolo_fastestv2,
    ("FastestDet", "352x352x3"): fastestdet,
    ("yolov4-tiny", "416x416x3"): yolov4_tiny,
    ("ResNet-8", "32x32x3"): small_resnet,
    ("ResNet-8 v1", "32x32x3"): small_resnet,
    ("ResNet-32 v1", "32x32x3"): lambda: small_resnet(5),
    ("DS-CNN", "49x10x1"): ds_cnn,
    ("FC-AutoEncoder", ""): autoencoder,
    ("FC-AutoEncoder", "640"): autoencoder,
    ("MobileNetV1-0.25", "96x96x3"): lambda: mobilenet(0.25, 96, 2),
}
NCNN_ONLY = {  # the same name stands for another variant in ncnn's benchmark, which is Caffe's
    ("resnet18", "224x224x3"): lambda: resnet18(project_first=True),
    ("resnet50", "224x224x3"): lambda: resnet(stride_in_3x3=False),
}
OTHER_THAN_NCNN = {
    ("mobilenet_v2", "224x224x3"): mobilenet_v2,
    ("googlenet", "224x224x3"): lambda: googlenet(caffe=False),
    ("shufflenet_v2", "224x224x3"): lambda: shufflenet_v2((48, 96, 192)),
}


def network(model: str, at: str, runtime: str) -> list[Layer] | None:
    """The layers of a published row's network; None where it is not known.

    Args:
        at: its input, "224x224x3".
        runtime: as the row has it.
    """
    variants = NCNN_ONLY if runtime.startswith("ncnn") else OTHER_THAN_NCNN
    made = variants.get((model, at)) or NETWORKS.get((model, at))
    return made() if made else _of_the_zoo(model, at)


def _of_the_zoo(model: str, at: str) -> list[Layer] | None:
    """ST's model zoo: "MobileNetV2-0.35 (5 classes)"."""
    name, _, classes = model.partition(" (")
    family, _, alpha = name.partition("-")
    if family not in ("MobileNetV1", "MobileNetV2") or not classes:
        return None
    h, _, channels = (int(part) for part in at.split("x"))
    count = int(classes.split()[0])
    if family == "MobileNetV1":
        return mobilenet(float(alpha), h, count, channels)
    return mobilenet_v2(float(alpha), h, count)
