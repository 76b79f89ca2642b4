"""A sample model that is built on request, of noise, for tests of whatever has to do with such."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from edgekit.core import files
from edgekit.data import bring
from edgekit.models.samples import Card

SCRIPT = """
from edgekit.core.preprocessing import Pixels
from edgekit.models.plan import Plan

PLAN = Plan(
    id="large", title="Large", summary="", architecture="lenet5", reference="", data="{data}",
    preprocessing=Pixels(mean=(0.5,), std=(0.5,)), epochs=1, learning_rate=0.01, weight_decay=0, shift=0,
    batch_size=16, outputs=5, half=True, on_request=True,
)
"""


def a_large_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A sample model of which only train.py and a card came along; its data is here, and the cache is empty."""
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(files, "sample_models", lambda: tmp_path / "models")
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (60, 28, 28), np.uint8)
    np.savez(tmp_path / "noise.npz", x=images, y=np.array(["a", "b", "c"])[np.arange(60) % 3])
    data = bring.add(tmp_path / "noise.npz")
    known = Card(
        title="Large", summary="", data=data, preprocessing={"kind": "pixels", "mean": [0.5], "std": [0.5]},
        params=23_000_000, macs=1, sha256="0", architecture="lenet5", reference="", licence="", data_licence="",
        citation="", quality={"metric": "accuracy", "value": 0.5, "low": 0.4, "high": 0.6, "samples": 15}, command="",
        epochs=1, seed=0, threads=1, retrain_seconds=700, machine="a fast one", outputs=5, on_request=True,
    )  # fmt: skip
    folder = files.sample_models() / "large"
    folder.mkdir(parents=True)
    (folder / "card.yaml").write_text(yaml.safe_dump(known.model_dump(mode="json")))
    (folder / "train.py").write_text(SCRIPT.format(data=data))
    return "large"
