"""Sound of 16-bit samples as the network takes it: a waveform, or mel-frequency cepstral coefficients over time.

A window of 25 ms every 10 ms; 40 triangles on the mel scale from 20 Hz to half the rate; a DCT of their logarithms.
"""

import numpy as np

WINDOW, STEP, BANDS, LOWEST, SILENCE = 0.025, 0.010, 40, 20.0, 1e-6


def prepare(raw, settings):
    """One input, (1, …) float32, of one recording (length,)."""
    wave = raw.astype(np.float32) / 32768
    if settings["coefficients"]:
        found = cepstra(wave, settings["rate"], settings["coefficients"])  # (steps, coefficients)
        return (found.T if settings["channels_first"] else found)[None].astype(np.float32)
    return (wave[None] if settings["channels_first"] else wave)[None]


def cepstra(wave, rate, coefficients):
    """Coefficients over time, (steps, coefficients), of a waveform (length,)."""
    size, step = round(WINDOW * rate), round(STEP * rate)
    wave = np.pad(wave, (0, max(0, size - len(wave))))
    frames = np.lib.stride_tricks.sliding_window_view(wave, size)[::step]  # (steps, size)
    power = np.abs(np.fft.rfft(frames * np.hanning(size).astype(np.float32))) ** 2 / size
    heard = np.log(power @ triangles(rate, size) + SILENCE)  # (steps, BANDS)
    angles = np.pi / BANDS * (np.arange(BANDS)[:, None] + 0.5) * np.arange(coefficients)
    scale = np.where(np.arange(coefficients) == 0, np.sqrt(1 / BANDS), np.sqrt(2 / BANDS))
    return heard @ (np.cos(angles) * scale)  # the orthonormal DCT-II


def triangles(rate, size):
    """How much each frequency counts in each band."""
    ends = 2595 * np.log10(1 + np.array([LOWEST, rate / 2]) / 700)
    edges = 700 * (10 ** (np.linspace(*ends, BANDS + 2) / 2595) - 1)
    at = np.fft.rfftfreq(size, 1 / rate)[:, None]
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    return np.clip(np.minimum((at - low) / (middle - low), (high - at) / (high - middle)), 0, None)
