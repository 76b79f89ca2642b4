"""How samples, as a data set holds them, become the inputs of a network: chosen once, kept with the model, and timed.

One class a kind of data. `kind` tells them apart in cards; `AnyPreprocessing` reads any of them back.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, Field

from edgekit.core import byte_pairs
from edgekit.core.mel import BANDS, cepstra
from edgekit.core.text import PAIR, UNCASED, UNCASED_SHA256, pieces, told

GREY = np.float32([0.299, 0.587, 0.114])  # what red, green and blue count in brightness (ITU-R BT.601)
Array = TypeVar("Array")
Sizes = tuple[int, ...]


class Preprocessing(BaseModel, frozen=True, extra="forbid"):
    """See the classes below. Calling one turns samples (n, …) into network inputs (n, …)."""

    kind: Any

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        """Network inputs of raw samples."""
        return self.arranged(self.scaled(raw))

    def scaled(self, raw: np.ndarray) -> np.ndarray:
        """float32 values in the order of the raw samples' own kind: what augmentation works on; of text, int64."""
        raise NotImplementedError  # pragma: no cover

    def arranged(self, inputs: Array) -> Array:
        """What `scaled` gave, of numpy or torch, in the order that the network takes."""
        return inputs

    def shape(self, raw: Sizes) -> Sizes:
        """The shape of one network input, from that of one raw sample."""
        return self(np.zeros((1, *raw), np.uint8)).shape[1:]

    def in_words(self, raw: Sizes) -> str:
        """What the network takes, for people: "32 × 32 pixels, colour"."""
        raise NotImplementedError  # pragma: no cover


class Pixels(Preprocessing):
    """Images of 0…255, (n, height, width, channels), become (pixel / 255 − mean) / std, (n, channels, height, width).

    Attributes:
        mean, std: per channel that the network takes.
        size: (height, width) that images are resized to first, with Pillow's bilinear filter; None leaves them.
        channels_last: the network takes (n, height, width, channels) instead.
        flat: it takes one row of values a sample, (n, …), instead.
    """

    kind: Literal["pixels"] = "pixels"
    mean: tuple[float, ...]
    std: tuple[float, ...]
    size: tuple[int, int] | None = None
    channels_last: bool = False
    flat: bool = False

    def scaled(self, raw: np.ndarray) -> np.ndarray:
        """float32 (n, channels, height, width), whatever the network takes."""
        mean, std = (np.asarray(values, np.float32).reshape(-1, 1, 1) for values in (self.mean, self.std))
        pixels = _resized(_with_channels(raw, len(self.mean)), self.size)
        inputs = pixels.transpose(0, 3, 1, 2).astype(np.float32, order="C")  # (n, channels, height, width)
        inputs /= 255  # in place: half the time of three new arrays, and every accuracy pass waits for this
        inputs -= mean
        inputs /= std
        return inputs

    def arranged(self, inputs: Array) -> Array:
        inputs = inputs.swapaxes(1, 2).swapaxes(2, 3) if self.channels_last else inputs
        return inputs.reshape(len(inputs), -1) if self.flat else inputs

    def in_words(self, raw: Sizes) -> str:
        height, width = self.size or raw[:2]
        return f"{width} × {height} pixels, {'colour' if len(self.mean) == 3 else 'grey'}"


class Values(Preprocessing):
    """Numbers, (n, features) or series (n, steps, features), become (value − mean) / std.

    Attributes:
        mean, std: one for all features, or one each.
        channels_first: the network takes series as (n, features, steps).
    """

    kind: Literal["values"] = "values"
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    channels_first: bool = False

    def scaled(self, raw: np.ndarray) -> np.ndarray:
        return (raw.astype(np.float32) - np.float32(self.mean)) / np.float32(self.std)

    def arranged(self, inputs: Array) -> Array:
        return inputs.swapaxes(1, 2) if self.channels_first else inputs

    def in_words(self, raw: Sizes) -> str:
        return " steps of ".join(map(str, raw)) + (" values" if len(raw) < 2 else " features")


class Sound(Preprocessing):
    """Sound of 16-bit samples, (n, length), becomes a waveform from −1 to 1, or cepstral coefficients over time.

    Attributes:
        rate: samples a second.
        coefficients: how many cepstral coefficients each 25 ms give, every 10 ms (see core/mel.py); 0 for the waveform.
        channels_first: the network takes (n, coefficients, steps), or (n, 1, length).
    """

    kind: Literal["sound"] = "sound"
    rate: int
    coefficients: int = Field(0, ge=0, le=BANDS)
    channels_first: bool = False

    def scaled(self, raw: np.ndarray) -> np.ndarray:
        """float32 (n, length), or (n, steps, coefficients)."""
        wave = raw.astype(np.float32) / 32768
        return cepstra(wave, self.rate, self.coefficients) if self.coefficients else wave

    def arranged(self, inputs: Array) -> Array:
        if not self.channels_first:
            return inputs
        return inputs.swapaxes(1, 2) if self.coefficients else inputs[:, None]

    def in_words(self, raw: Sizes) -> str:
        seconds = f"{raw[0] / self.rate:g} s of sound, {self.rate:,} samples a second"
        return seconds + (f", as {self.coefficients} cepstral coefficients" if self.coefficients else "")


class Text(Preprocessing):
    """Texts of UTF-8 bytes, (n, longest), become numbers of word pieces, int64 (n, length); see core/text.py.

    Attributes:
        length: pieces that the network takes; longer texts are cut, and 0 stands behind shorter ones.
        vocabulary: the file with its pieces, below sample_models/.
        sha256: of that file.
        lowercase: whether capitals and accents are put aside.
    """

    kind: Literal["text"] = "text"
    length: int = Field(ge=2, le=4096)
    vocabulary: str = UNCASED
    sha256: str = UNCASED_SHA256
    lowercase: bool = True

    def scaled(self, raw: np.ndarray) -> np.ndarray:
        """int64 (n, length): there is nothing to scale."""
        return pieces(map(told, raw), self.vocabulary, self.sha256, self.length, self.lowercase)

    def shape(self, raw: Sizes) -> Sizes:
        return (self.length,)

    def in_words(self, raw: Sizes) -> str:
        return f"text, as {self.length} word pieces"


class TextPairs(Preprocessing):
    """Texts with their translations, UTF-8 bytes (n, longest), become numbers of byte pairs, int64.

    A row holds the source and its last piece, filled up with 0 to `length`; then as many places for what is written so
    far: the first piece, and that of the translation, which a network is to continue at every place. Of a text without
    translation only the first piece stands there. See core/byte_pairs.py.

    Attributes:
        length: pieces of either; longer ones are cut.
        merges: the file that says what is a piece, below sample_models/.
        sha256: of that file.
    """

    kind: Literal["text_pairs"] = "text_pairs"
    length: int = Field(ge=2, le=4096)
    merges: str = byte_pairs.ENGLISH_FRENCH
    sha256: str = byte_pairs.ENGLISH_FRENCH_SHA256

    def scaled(self, raw: np.ndarray) -> np.ndarray:
        """int64 (n, 2 · length): there is nothing to scale."""
        rows = np.full((len(raw), 2, self.length), byte_pairs.PAD, np.int64)
        for row, text in zip(rows, map(told, raw), strict=True):
            source, target = byte_pairs.numbers((text + PAIR).split(PAIR)[:2], self.merges, self.sha256)
            source = [*source[: self.length - 1], byte_pairs.LAST]
            target = [byte_pairs.FIRST, *target][: self.length]
            row[0, : len(source)], row[1, : len(target)] = source, target
        return rows.reshape(len(raw), -1)

    def shape(self, raw: Sizes) -> Sizes:
        return (2 * self.length,)

    def in_words(self, raw: Sizes) -> str:
        return f"text, as {self.length} byte pairs, and as many of its translation so far"


class Pieces(Preprocessing):
    """Numbers of word pieces, (n, length), as they are: int64 (n, length)."""

    kind: Literal["pieces"] = "pieces"

    def scaled(self, raw: np.ndarray) -> np.ndarray:
        return raw.astype(np.int64)

    def in_words(self, raw: Sizes) -> str:
        return f"numbers of {raw[0]} word pieces"


AnyPreprocessing = Annotated[Pixels | Values | Sound | Text | TextPairs | Pieces, Field(discriminator="kind")]


def _with_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """(n, height, width, 1 or 3) with as many channels as wanted: grey three times over, or colours as grey."""
    if pixels.shape[-1] == channels:
        return pixels
    if pixels.shape[-1] == 1:
        return np.repeat(pixels, channels, axis=-1)
    return np.rint(pixels @ GREY).astype(np.uint8)[..., None]


def _resized(pixels: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    if size is None or pixels.shape[1:3] == size:
        return pixels
    from PIL import Image

    flat = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    resized = [Image.fromarray(one).resize(size[::-1], Image.Resampling.BILINEAR) for one in flat]
    return np.stack([np.asarray(one) for one in resized]).reshape(len(pixels), *size, pixels.shape[-1])
