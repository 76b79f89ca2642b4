"""Sound from .wav files: one channel of 16-bit samples, at any rate."""

import io
from pathlib import PurePosixPath

import numpy as np

from edgekit.core.errors import DataError


def wave(place: PurePosixPath, content: bytes) -> tuple[int, np.ndarray]:
    """(samples a second, int16 (length,)); channels are averaged."""
    import warnings

    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # of chunks that hold no sound
            rate, wave = wavfile.read(io.BytesIO(content))
    except Exception as error:  # whatever a broken header makes of it
        raise DataError(f"{place} must be a .wav file, but cannot be read as one ({type(error).__name__}).") from None
    if not rate or not wave.size:
        raise DataError(f"{place} must hold sound, but is empty.")
    full = 1.0 if wave.dtype.kind == "f" else float(-np.iinfo(wave.dtype).min or 128)
    plain = wave.astype(np.float32) - (128 if wave.dtype == np.uint8 else 0)
    plain = plain.mean(1) if plain.ndim > 1 else plain
    return rate, np.clip(np.rint(plain / full * 32768), -32768, 32767).astype(np.int16)


def at_rate(wave: np.ndarray, own: int, rate: int) -> np.ndarray:
    """Sound (length,) of `own` samples a second with `rate` of them."""
    if own == rate:
        return wave
    from scipy.signal import resample_poly

    common = np.gcd(own, rate)
    return np.clip(np.rint(resample_poly(wave, rate // common, own // common)), -32768, 32767).astype(np.int16)
