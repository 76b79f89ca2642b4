"""A short language for the layers of a network: each method takes the tensor it reads and gives the one it makes."""

from __future__ import annotations

import math
from collections.abc import Sequence
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
