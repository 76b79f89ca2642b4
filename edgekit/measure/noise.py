"""How far numbers moved: SQNR, the signal-to-quantization-noise ratio.

10 · log10(Σ y² / Σ (y' − y)²) in dB, y being what was there before and y' what is in its place. 6 dB more are one bit
more.
"""

from dataclasses import dataclass

import numpy as np


@dataclass
class Noise:
    """The two sums, over any number of pieces."""

    signal: float = 0.0
    noise: float = 0.0

    def add(self, before: np.ndarray, after: np.ndarray) -> None:
        """One more piece, of the same shape before and after."""
        exact = before.astype(np.float64)
        self.signal += float(np.square(exact).sum())
        self.noise += float(np.square(after - exact).sum())

    @property
    def db(self) -> float:
        """The ratio; infinite where nothing moved."""
        if self.noise == 0:
            return float("inf")
        return float(10 * np.log10(self.signal / self.noise)) if self.signal > 0 else float("-inf")


def sqnr_db(before: np.ndarray, after: np.ndarray) -> float | None:
    """The ratio in dB; None where the shapes differ, infinite where nothing moved."""
    if before.shape != after.shape:
        return None
    found = Noise()
    found.add(before, after)
    return found.db
