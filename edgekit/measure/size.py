"""How large a file is: on disk, as shipped, coded, and in counted weight bits. Different steps move different ones."""

from pathlib import Path

from edgekit.artifacts.coding import encode, zip_up, zstd_level
from edgekit.artifacts.read import layers, stored_weight_bits
from edgekit.core.measurement import Measurement
from edgekit.core.progress import Progress, part, silent


def counted(path: Path) -> dict[str, Measurement]:
    """size_bytes, weight_bits, params and macs; macs only if the shapes of all layers are known.

    Raises:
        ModelError: no such file, or no ONNX file.
    """
    rows = layers(path)
    found = {
        "size_bytes": (Path(path).stat().st_size, "bytes of the file"),
        "weight_bits": (stored_weight_bits(path), "stored for weights, with scales and zero points"),
        "params": (sum(row["params"] for row in rows), "weights and biases"),
    }
    if all(row["macs"] is not None for row in rows):
        found["macs"] = (sum(row["macs"] for row in rows), "for one sample")
    return {metric: Measurement.exact(metric, value, how) for metric, (value, how) in found.items()}


def compressed(path: Path, progress: Progress = silent) -> dict[str, Measurement]:
    """shipped_bytes, what a download or an update moves, and coded_bytes, what `python -m edgekit pack` makes of it."""
    data = Path(path).read_bytes()
    zipped = zip_up(data, part(progress, 0, 0.6))
    coded = len(encode(data, zipped, part(progress, 0.6, 1)))
    return {
        "shipped_bytes": Measurement.exact("shipped_bytes", len(zipped), f"zstd, level {zstd_level(len(data))}"),
        "coded_bytes": Measurement.exact("coded_bytes", coded, "entropy-coded, layer by layer; unpacks to this file"),
    }
