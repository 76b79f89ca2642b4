"""Mel-frequency cepstral coefficients of sound: what most small networks for speech take.  c = DCT(log(mel · |FFT|²))

A window of 25 ms every 10 ms; 40 triangles on the mel scale from 20 Hz to half the rate; a DCT of their logarithms, of
which the first few are kept. Davis and Mermelstein 1980, "Comparison of parametric representations for monosyllabic
word recognition in continuously spoken sentences", IEEE ASSP 28(4).
"""

import functools

import numpy as np

WINDOW, STEP = 0.025, 0.010  # seconds
BANDS, LOWEST = 40, 20.0  # triangles on the mel scale, and where the first begins, in Hz
SILENCE = 1e-6  # so that the logarithm of nothing stays finite


def cepstra(wave: np.ndarray, rate: int, coefficients: int) -> np.ndarray:
    """Coefficients over time.

    Args:
        wave: (n, length) from −1 to 1; shorter than a window is filled with zeros.
        rate: samples a second.

    Returns:
        float32 (n, steps, coefficients).
    """
    from scipy.fft import dct

    size, step = round(WINDOW * rate), round(STEP * rate)
    if (missing := size - wave.shape[1]) > 0:
        wave = np.pad(wave, ((0, 0), (0, missing)))
    frames = np.lib.stride_tricks.sliding_window_view(wave, size, axis=1)[:, ::step]  # (n, steps, size)
    power = np.abs(np.fft.rfft(frames * np.hanning(size).astype(np.float32))) ** 2 / size  # (n, steps, size / 2 + 1)
    heard = np.log(power @ _triangles(rate, size) + SILENCE)  # (n, steps, BANDS)
    return dct(heard, norm="ortho")[..., :coefficients].astype(np.float32)


@functools.lru_cache(maxsize=8)
def _triangles(rate: int, size: int) -> np.ndarray:
    """How much each frequency counts in each band, (size / 2 + 1, BANDS)."""
    edges = _hertz(np.linspace(_mel(LOWEST), _mel(rate / 2), BANDS + 2))  # (BANDS + 2,)
    at = np.fft.rfftfreq(size, 1 / rate)[:, None]  # (size / 2 + 1, 1)
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    return np.clip(np.minimum((at - low) / (middle - low), (high - at) / (high - middle)), 0, None)


def _mel(hertz: float) -> float:
    return 2595 * np.log10(1 + hertz / 700)


def _hertz(mel: np.ndarray) -> np.ndarray:
    return 700 * (10 ** (mel / 2595) - 1)
