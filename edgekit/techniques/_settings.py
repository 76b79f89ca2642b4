"""Settings that some layers may have otherwise, and settings that only make sense for a whole network."""

from collections.abc import Mapping
from typing import Any


def refuse_for_layers(layers: Mapping[str, Mapping[str, Any]], allowed: tuple[str, ...]) -> None:
    """Raise ValueError if a layer's own settings hold something that can only be set for the whole network."""
    for pattern, values in layers.items():
        if wrong := sorted(set(values) - set(allowed)):
            raise ValueError(
                f"layers['{pattern}'] cannot hold {', '.join(wrong)}, which the whole network shares; "
                f"a layer may have its own {', '.join(allowed)}"
            )
