"""The bundle runs by itself, and its code prepares samples as EdgeKit does."""

import importlib.util
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from edgekit.core.errors import ExportError
from edgekit.core.files import sample_models
from edgekit.core.preprocessing import Pixels, Preprocessing, Sound, Text, Values
from edgekit.core.text import kept
from edgekit.export import carried
from edgekit.export.bundle import bundled, cannot_be_bundled
from edgekit.library import cards
from edgekit.store.store import Store
from tests.export.runs import INTEGERS, saved
from tests.factories import a_run

ALONE = """
import runpy, sys
class OnlyThese:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"edgekit", "torch", "scipy", "pydantic", "tokenizers", "PIL", "pandas", "onnx"}:
            raise ImportError(name + " is not in a bundle's requirements")
sys.meta_path.insert(0, OnlyThese())
sys.path.insert(0, ".")
sys.argv = ["predict.py", *sys.argv[1:]]
runpy.run_path("predict.py", run_name="__main__")
"""


def code(name: str, folder: Path | None = None):
    """A file of carried/, loaded as a bundle does; from another folder where it wants files beside it."""
    path = (folder or Path(carried.__file__).parent) / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"carried_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def same(prepared: Preprocessing, raw: np.ndarray, tolerance: float = 1e-6) -> None:
    """That carried code makes of each sample what EdgeKit makes of it."""
    prepare = code(prepared.kind).prepare
    ours = np.concatenate([prepare(one, json.loads(prepared.model_dump_json())) for one in raw])
    wanted = prepared(raw)
    assert ours.dtype == wanted.dtype
    np.testing.assert_allclose(ours, wanted, atol=tolerance, rtol=1e-5)


@pytest.mark.usefixtures("own_store")
def test_its_code_runs_with_numpy_and_onnxruntime_alone_and_gives_the_expected_output(tmp_path):
    content = zipfile.ZipFile(io.BytesIO(bundled(saved(tmp_path, INTEGERS).id)))
    content.extractall(tmp_path / "bundle")
    here = {"cwd": tmp_path / "bundle", "capture_output": True, "text": True}
    done = subprocess.run([sys.executable, "-c", ALONE], **here)
    assert (done.returncode, done.stdout.splitlines()) == (0, ["Ankle boot, class 9", "as expected"]), done.stderr
    np.save(tmp_path / "bundle" / "expected_output.npy", np.ones((1, 10), np.float32))
    done = subprocess.run([sys.executable, "-c", ALONE], **here)
    assert (done.returncode, done.stderr.strip()) == (1, "This is not the expected output.")


@pytest.mark.usefixtures("own_store")
def test_it_holds_what_one_hands_on_and_is_the_same_each_time(tmp_path):
    run = saved(tmp_path, INTEGERS)
    content = zipfile.ZipFile(io.BytesIO(bundled(run.id)))
    assert set(content.namelist()) == {
        "model.onnx", "labels.json", "preprocessing.json", "prepare.py", "predict.py", "sample.npy",
        "expected_output.npy", "LICENCE.txt", "README.md",
    }  # fmt: skip
    assert json.loads(content.read("labels.json"))[9] == "Ankle boot"
    assert json.loads(content.read("preprocessing.json"))["input_shape"] == [1, 28, 28]
    assert "Fashion-MNIST): MIT" in content.read("LICENCE.txt").decode()
    assert run.artifact.sha256 in content.read("README.md").decode()
    assert bundled(run.id) == bundled(run.id)


@pytest.mark.usefixtures("own_store")
def test_a_network_that_writes_texts_is_not_bundled():
    run = a_run(model="translator-en-fr-small", data=cards()["translator-en-fr-small"].data)
    with Store.open() as store:
        store.save(run)
        store.file = lambda sha256: Path("none.onnx")
        with pytest.raises(ExportError, match="it writes its answer a piece at a time"):
            bundled(run.id, store)


@pytest.mark.usefixtures("own_store")
def test_without_its_data_there_is_no_sample_to_bundle(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path))
    run = a_run(model="resnet8-cifar10", data="cifar10")
    assert cannot_be_bundled(run) == (
        "a bundle holds a test sample, but CIFAR-10 is not on this machine. Fetch it: python -m edgekit data pull "
        "cifar10"
    )


@pytest.mark.parametrize("changes", [{}, {"channels_last": True}, {"flat": True}, {"size": (5, 7)}], ids=str)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("wanted", [1, 3])
def test_images_are_prepared_alike(changes, channels, wanted):
    raw = np.random.default_rng(0).integers(0, 256, (3, 6, 8, channels), np.uint8)
    same(Pixels(mean=(0.4,) * wanted, std=(0.2,) * wanted, **changes), raw)


@pytest.mark.parametrize("channels_first", [False, True])
def test_series_are_prepared_alike(channels_first):
    raw = np.random.default_rng(0).standard_normal((3, 9, 4)).astype(np.float32)
    same(Values(mean=(0.1, 0.2, 0.3, 0.4), std=(1.0, 2.0, 3.0, 4.0), channels_first=channels_first), raw)


@pytest.mark.parametrize("coefficients", [0, 13])
@pytest.mark.parametrize("channels_first", [False, True])
def test_sound_is_prepared_alike(coefficients, channels_first):
    raw = np.random.default_rng(0).integers(-9000, 9000, (2, 4000), np.int16)
    same(Sound(rate=8000, coefficients=coefficients, channels_first=channels_first), raw, tolerance=1e-4)


def test_texts_are_cut_into_the_same_pieces(tmp_path):
    prepared = Text(length=24)
    (tmp_path / "text.py").write_bytes((Path(carried.__file__).parent / "text.py").read_bytes())
    (tmp_path / "vocab.txt").write_bytes((sample_models() / prepared.vocabulary).read_bytes())
    texts = ["Unaffable, isn't it?", "Crème brûlée — 10 €!", "日本語 and English", "tab\tand\u200bzero", "x" * 120, ""]
    texts += ["a very long one " * 20, "C'est l'été; $5.00 <b>", "naïve ﬁancé № 5"]
    ours = code("text", tmp_path).prepare
    settings = json.loads(prepared.model_dump_json())
    for text, wanted in zip(texts, prepared(kept(texts)), strict=True):
        assert ours(text, settings)[0].tolist() == wanted.tolist(), text
