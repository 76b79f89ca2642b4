"""Data as people bring it: class folders of pictures and of sound, arrays, tables, made in a test's own folder."""

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import wavfile


def picture(number: int, width: int = 8, height: int = 6, grey: bool = False) -> bytes:
    """A PNG that is unlike that of any other number."""
    noise = np.random.default_rng(number).integers(0, 256, (height, width) if grey else (height, width, 3), np.uint8)
    return encoded(Image.fromarray(noise))


def encoded(image: Image.Image, form: str = "PNG") -> bytes:
    held = io.BytesIO()
    image.save(held, form)
    return held.getvalue()


def pictures(classes: dict[str, int], **how) -> dict[str, bytes]:
    """Names and contents of so many pictures in the folder of each class; "" for none."""
    made = [(name, number) for name, count in classes.items() for number in range(count)]
    return {f"{name}/{number}.png".lstrip("/"): picture(place, **how) for place, (name, number) in enumerate(made)}


def in_a_folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def in_a_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tone(hertz: float, seconds: float = 0.5, rate: int = 8000, dtype: str = "int16", channels: int = 1) -> bytes:
    """A .wav of a sine."""
    wave = np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)
    wave = np.repeat(wave[:, None], channels, 1) if channels > 1 else wave
    scaled = {"int16": wave * 32000, "float32": wave, "uint8": wave * 127 + 128, "int32": wave * 2**31 * 0.99}[dtype]
    held = io.BytesIO()
    wavfile.write(held, rate, scaled.astype(dtype))
    return held.getvalue()


def clusters(n: int = 60, features: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """x (n, features) around three points, and which of them, y (n,)."""
    generator = np.random.default_rng(seed)
    y = np.arange(n) % 3
    return (generator.normal(size=(n, features)) + 4 * y[:, None]).astype(np.float32), y
