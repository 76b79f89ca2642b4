"""What bringing a model of one's own costs: time until it is measured, and memory of the server for a large one.

    python -m tests.benchmarks.uploads [--json]

The 14 MB file is EfficientNet-Lite0 with random weights; it is added, and measured as it is on 1,000 test images of
CIFAR-10 (`python -m edgekit data pull cifar10`). The 100 MB file is a matrix product, added and removed in Chromium
after a small one, which loads the libraries; memory is that of the server process, without those that open files.
"""

import argparse
import os
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import onnx
import psutil
from onnx import helper, numpy_helper
from playwright.sync_api import Page, sync_playwright

from edgekit import library
from edgekit.artifacts.export import export
from edgekit.core.host import this_host
from edgekit.models.architectures import fresh
from edgekit.pipeline import compress
from edgekit.recipe import Recipe
from edgekit.store.store import Store
from tests.benchmarks.table import line, report
from tests.brought import a_file
from tests.browser.chromium import FLAGS, chromium
from tests.browser.server import running

IMAGE, CLASSES = (3, 32, 32), 10
WIDE = 8000  # columns of the large matrix: 3072 × 8000 numbers are 98 MB
LOOK_EVERY, REST, PATIENCE = 0.02, 4, 120  # seconds
MEGABYTE = 1e6


def adding(folder: Path) -> list[dict]:
    """Seconds until a 14 MB file is among the models and measured on 1,000 images, and until anything is said."""
    network = fresh("efficientnet_lite0", CLASSES, IMAGE, 1.0, 0)
    path = folder / "efficientnet.onnx"
    path.write_bytes(export(network, np.zeros((1, *IMAGE), np.float32)).SerializeToString())
    os.environ["EDGEKIT_HOME"] = str(folder / "home")
    told: list[float] = []
    drawn: list[float] = []
    started = time.perf_counter()

    def now() -> float:
        return time.perf_counter() - started

    def progress(fraction: float, what: str) -> None:
        told.append(now())

    name = library.add(path, "cifar10", progress=progress)
    added = now()
    with Store.open() as store:
        model, recipe = library.load(name), Recipe()
        compress(model, recipe, store=store, samples=1000, progress=progress, on_point=lambda run: drawn.append(now()))
    whole = now()
    size = path.stat().st_size / MEGABYTE
    return [
        line(f"{size:.1f} MB file: seconds until it is added", added, None, 2),
        line(f"{size:.1f} MB file: seconds until it is measured on 1,000 images, and drawn", drawn[0], 10, 2),
        line(f"{size:.1f} MB file: seconds until its memory and shipped size are known too", whole, None, 2),
        line("seconds until the first word of progress", told[0], 1, 2),
        line("longest silence (s)", float(np.max(np.diff(told))), None, 2),
    ]


def memory(folder: Path) -> list[dict]:
    """Memory that a 98 MB upload takes while it is added and once it is removed, in sizes of the file."""
    path = _large(folder)
    size = path.stat().st_size
    with sync_playwright() as p, running(folder / "memory") as app:
        browser = p.chromium.launch(executable_path=chromium(), args=FLAGS)
        page, server = browser.new_page(), psutil.Process(app.process.pid)
        page.set_default_timeout(PATIENCE * 1000)
        page.goto(f"{app.url}/models_and_data")
        _add_and_remove(page, a_file(folder))  # the first loads the libraries
        before = server.memory_info().rss
        with _Peak(server) as peak:
            _add_and_remove(page, path)
        left = server.memory_info().rss - before
        browser.close()
    return [
        line("98 MB upload: most memory of the server, in sizes of the file", (peak.most - before) / size, 3, 2),
        line("98 MB upload, removed again: memory that stays, in sizes of the file", left / size, 0.5, 2),
    ]


def _add_and_remove(page: Page, path: Path) -> None:
    page.set_input_files(".st-key-add_model input[type=file]", path)
    page.get_by_role("button", name="Add this model").click()
    page.get_by_role("button", name="Remove").wait_for()
    time.sleep(REST)  # a click while the page is drawn anew would be lost
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    page.get_by_role("heading", name=path.stem, exact=True).wait_for(state="detached")
    time.sleep(REST)


def _large(folder: Path) -> Path:
    """Flatten, a product with a large matrix, and one with a small one that gives the classes."""
    random = np.random.default_rng(0)
    weights = {
        "wide": random.normal(0, 0.02, (int(np.prod(IMAGE)), WIDE)),
        "answer": random.normal(0, 0.02, (WIDE, CLASSES)),
    }
    floats = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["pixels"], ["flat"]),
            helper.make_node("MatMul", ["flat", "wide"], ["hidden"]),
            helper.make_node("Relu", ["hidden"], ["active"]),
            helper.make_node("MatMul", ["active", "answer"], ["scores"]),
        ],
        "large",
        [helper.make_tensor_value_info("pixels", floats, ["batch", *IMAGE])],
        [helper.make_tensor_value_info("scores", floats, ["batch", CLASSES])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    path = folder / "large.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


class _Peak:
    """The most memory that a process takes meanwhile, in bytes."""

    def __init__(self, process: psutil.Process):
        self._process, self._over, self.most = process, threading.Event(), 0

    def __enter__(self) -> "_Peak":
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(LOOK_EVERY):
            self.most = max(self.most, self._process.memory_info().rss)


def main() -> None:
    """Measure, and print a table or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        rows = adding(Path(name)) + memory(Path(name))
    report(rows, this_host(), asked.json)


if __name__ == "__main__":
    main()
