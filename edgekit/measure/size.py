"""How large a file is: on disk, as shipped, coded, and in counted weight bits. Different steps move different ones."""

from pathlib import Path

from edgekit.artifacts.coding import ZSTD_LEVEL, encode
from edgekit.artifacts.read import layers, stored_weight_bits
from edgekit.core.measurement import Measurement


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


def shipped(path: Path) -> Measurement:
    """The size that a download or an update moves: the file compressed with zstd at level 19."""
    import zstandard

    compressed = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(Path(path).read_bytes())
    return Measurement.exact("shipped_bytes", len(compressed), f"zstd, level {ZSTD_LEVEL}")


def coded(path: Path) -> Measurement:
    """The size of the form that `python -m edgekit pack` makes, and `unpack` turns back into the very same file."""
    return Measurement.exact("coded_bytes", len(encode(Path(path).read_bytes())), "entropy-coded, layer by layer")
