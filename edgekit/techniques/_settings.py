"""Settings that some layers may have otherwise, and settings that only make sense for a whole network."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from edgekit.core.technique import Layerwise


def bits_of_layers(step: Layerwise, names: Sequence[str]) -> dict[str, int]:
    """Bits of every layer that a step with `bits` and `edge_bits` does not skip.

    The first and the last of `names`, in the order of the network, get `edge_bits` if that is more; a layer's own
    setting wins over that.
    """
    found = {}
    for name in names:
        own = step.for_layer(name)
        if own is None:
            continue
        asked = any("bits" in values and fnmatchcase(name, pattern) for pattern, values in step.layers.items())
        edge = name in (names[0], names[-1]) and not asked
        found[name] = max(own.bits, step.edge_bits) if edge else own.bits
    return found


def refuse_for_layers(layers: Mapping[str, Mapping[str, Any]], allowed: tuple[str, ...]) -> None:
    """Raise ValueError if a layer's own settings hold something that can only be set for the whole network."""
    for pattern, values in layers.items():
        if wrong := sorted(set(values) - set(allowed)):
            raise ValueError(
                f"layers['{pattern}'] cannot hold {', '.join(wrong)}, which the whole network shares; "
                f"a layer may have its own {', '.join(allowed)}"
            )
