"""How long a network takes on a device, worked out layer by layer from rates that were fitted to published latencies.

Three forms of devices:

    Roofline     processors and GPUs: a layer takes the longer of its arithmetic and of moving its bytes, and a call:
                 max(MACs · (1 + α (1/Cin + 1/Cout)) / rate of its kind, bytes / bandwidth) + overhead
                 (Williams et al. 2009, "Roofline"; α, for narrow dense convolutions, is what a kernel loses at edges)
    Cycles       microcontrollers: cycles a MAC by kind, a byte of activations, a layer; divided by the clock
    Accelerator  NPUs: MACs / rate + weights that are streamed / bandwidth + activations / bandwidth + layers + start

`tests/benchmarks/devices.py` fits the numbers, which lie in rates.yaml with the errors that were seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from edgekit.devices.layers import BYTES, Layer, Precision

DENSE = ("c3", "conv", "pw")


class Roofline(BaseModel, frozen=True, extra="forbid"):
    """A processor: 10⁹ MACs a second for each kind of layer, GB a second, µs a layer."""

    form: Literal["roofline"] = "roofline"
    rates: dict[str, float]
    bandwidth: float = Field(gt=0)
    overhead_us: float = Field(ge=0)
    narrow: float = Field(ge=0)

    def milliseconds(self, layer: Layer, precision: Precision) -> dict[str, float]:
        """What a layer takes, by what it waits for: "compute" or "memory", and "calls"."""
        compute = 0.0
        if layer.macs:
            edges = 1 / layer.cin + 1 / layer.cout if layer.kind in DENSE else 0.0
            compute = layer.macs * (1 + self.narrow * edges) / (self.rates[layer.kind] * 1e6)
        size = BYTES[precision] * (layer.weights + layer.inputs + layer.outputs)
        memory = size / (self.bandwidth * 1e6)
        longer = {"compute": compute} if compute >= memory else {"memory": memory}
        return longer | {"calls": self.overhead_us / 1e3}

    def start(self, layers: Sequence[Layer], precision: Precision) -> dict[str, float]:
        """What a run takes besides its layers."""
        return {}


class Cycles(BaseModel, frozen=True, extra="forbid"):
    """A microcontroller: cycles for each MAC ("dense", "dw", "fc"), byte of activations, and layer."""

    form: Literal["cycles"] = "cycles"
    mhz: float = Field(gt=0)
    per_mac: dict[str, float]
    per_byte: float = Field(ge=0)
    per_layer: float = Field(ge=0)

    def milliseconds(self, layer: Layer, precision: Precision) -> dict[str, float]:
        """As of `Roofline`."""
        kind = layer.kind if layer.kind in ("dw", "fc") else "dense"
        each = {
            "compute": layer.macs * self.per_mac[kind],
            "memory": BYTES[precision] * (layer.inputs + layer.outputs) * self.per_byte,
            "calls": self.per_layer,
        }
        return {name: cycles / (self.mhz * 1e3) for name, cycles in each.items()}

    def start(self, layers: Sequence[Layer], precision: Precision) -> dict[str, float]:
        """As of `Roofline`."""
        return {}


class Accelerator(BaseModel, frozen=True, extra="forbid"):
    """An NPU: 10⁹ MACs a second, GB a second of weights and activations (0: they cost nothing), µs a step, ms a run.

    Layers of equal depth are one step, as branches run side by side; in integers a concatenation rescales every tensor
    that it reads, and takes as many.

    Attributes:
        cached_bytes: weights that stay on the chip between runs.
    """

    form: Literal["accelerator"] = "accelerator"
    rate: float = Field(gt=0)
    weights_gbs: float = Field(0.0, ge=0)
    activations_gbs: float = Field(0.0, ge=0)
    step_us: float = Field(0.0, ge=0)
    start_ms: float = Field(0.0, ge=0)
    cached_bytes: float = Field(0.0, ge=0)

    def milliseconds(self, layer: Layer, precision: Precision) -> dict[str, float]:
        """As of `Roofline`; what is moved is "transfer"."""
        moved = BYTES[precision] * (layer.inputs + layer.outputs)
        found = {"compute": layer.macs / (self.rate * 1e6)}
        return found | ({"transfer": moved / (self.activations_gbs * 1e6)} if self.activations_gbs else {})

    def start(self, layers: Sequence[Layer], precision: Precision) -> dict[str, float]:
        """The start of a run, and the weights that do not stay on the chip."""
        streamed = max(0.0, BYTES[precision] * sum(layer.weights for layer in layers) - self.cached_bytes)
        weights = {"transfer": streamed / (self.weights_gbs * 1e6)} if self.weights_gbs else {}
        steps: dict[int, int] = {}
        for layer in layers:
            steps[layer.depth] = max(steps.get(layer.depth, 0), layer.tensors if BYTES[precision] == 1 else 1)
        return weights | {"start": self.start_ms, "calls": self.step_us * sum(steps.values()) / 1e3}


Rates = Annotated[Roofline | Cycles | Accelerator, Field(discriminator="form")]


def parts(rates: Rates, layers: Sequence[Layer], precision: Precision) -> dict[str, float]:
    """Milliseconds of one run, by what it waits for: "compute", "memory", "transfer", "calls", "start".

    Args:
        precision: of weights and activations as the device runs them.
    """
    found = dict(rates.start(layers, precision))
    for layer in layers:
        for name, value in rates.milliseconds(layer, precision).items():
            found[name] = found.get(name, 0.0) + value
    return found


def milliseconds(rates: Rates, layers: Sequence[Layer], precision: Precision) -> float:
    """Milliseconds of one run; see `parts`."""
    return sum(parts(rates, layers, precision).values())
