"""Networks that find things, layer by layer: SSD (arXiv:1512.02325), YOLOv4 (2004.10934), BlazeFace (1907.05047), and
the small ones of ncnn's benchmark, after the shapes in its folder.
"""

from __future__ import annotations

from edgekit.devices.layers import Layer
from tests.benchmarks.published_classifiers import FIRES, fire, mobilenet_body, shuffle_v2_body
from tests.benchmarks.published_net import At, Net


def squeezenet_ssd() -> list[Layer]:
    net, heads = Net(), []
    x = net.pool3(net.conv(At(3, 300, 300), 64, 3, 2, valid=True))
    for number, (squeezed, wide) in enumerate([*FIRES, (96, 384), (96, 384)]):
        x = net.pool3(x) if number in (2, 4, 8, 9) else x
        after = 1 if number < 8 else 3  # ncnn's file has activations, and late normalizations, as layers of their own
        x = fire(net, x, squeezed, wide, after)
        if number in (3, 7, 8, 9):
            heads.append((x, 4 if number == 3 else 6))
    for narrow, wide, boxes in ((128, 256, 6), (64, 128, 4)):
        x = net.also(net.conv(net.also(net.conv(x, narrow), 3), wide, 3, 2), 3)
        heads.append((x, boxes))
    for at, boxes in heads:
        for each in (4, 21):
            net.also(net.conv(at, boxes * each, 3), 2)
    return net.layers


def mobilenet_ssd() -> list[Layer]:
    net = Net()
    blocks = mobilenet_body(net, At(3, 300, 300))
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
    blocks = mobilenet_body(net, At(3, 416, 416))
    deep = net.conv(net.dw(blocks[-1]), 1024)
    up = At(512, 2 * deep.h, 2 * deep.w)
    up = net._add("gconv", up.size * 4 * 2, 16384, [deep], up, 2, 1)  # a transposed convolution, 4 x 4, stride 2
    shallow = net.conv(net.dw(net.elt(blocks[10], up)), 1024)
    net.conv(deep, 125), net.conv(shallow, 125)
    return net.layers


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


def nanodet_m() -> list[Layer]:
    net = Net()
    stages = shuffle_v2_body(net, net.pool(net.conv(At(3, 320, 320), 24, 3, 2)), (116, 232, 464))
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
    (8, 8, 4, 1, 1), (24, 32, 8, 2, 3), (32, 48, 8, 2, 3), (48, 96, 16, 1, 5), (96, 136, 24, 2, 5),
    (136, 224, 48, 2, 6),
]  # fmt: skip


def yolo_fastestv2() -> list[Layer]:
    net = Net()
    stages = shuffle_v2_body(net, net.pool(net.conv(At(3, 352, 352), 24, 3, 2)), (48, 96, 192))
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
    stages = shuffle_v2_body(net, net.pool(net.conv(At(3, 352, 352), 24, 3, 2)), (48, 96, 192))
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
