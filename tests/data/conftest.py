"""A tiny data set in MNIST's format, and a web server on this machine that carries it, with and without resume."""

import gzip
import hashlib
import http.server
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml

from edgekit.data import arrays, catalog

NAMES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]


class Shelf:
    """What the server holds, and what was asked of it."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, str | None]] = []  # (file, Range header)
        self.can_resume = True
        self.stalls_in = ""  # a file of which only half is sent until `go_on` is set
        self.go_on = threading.Event()
        self.url = ""


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """A running web server whose files a test chooses."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    shelf = Shelf()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name, wanted = self.path.strip("/"), self.headers["Range"]
            shelf.asked.append((name, wanted))
            if name not in shelf.files:
                self.send_error(404)
                return
            content = shelf.files[name]
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and shelf.can_resume else 0
            if wanted and shelf.can_resume and start >= len(content):
                self.send_response(416)
                self.end_headers()
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            half = (len(content) + start) // 2 if name == shelf.stalls_in else len(content)
            self.wfile.write(content[start:half])
            self.wfile.flush()
            if half < len(content):
                shelf.go_on.wait(10)

        def log_message(self, *words: object) -> None:
            """Silent."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    shelf.url = f"http://127.0.0.1:{server.server_port}"
    yield shelf
    shelf.go_on.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def tiny(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict:
    """A catalog with one data set, `tiny`, on the server; an empty cache. Change the dict and call `write` again."""
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path / "cache"))
    found = tiny_arrays()
    for name, array in zip(NAMES, found.values(), strict=True):
        shelf.files[f"{name}.gz"] = gzip.compress(idx(array), mtime=0)
    entry = {
        "title": "Tiny",
        "classes": ["a", "b"],
        "shape": [4, 4, 1],
        "training": 20,
        "evaluation": 10,
        "validation": 5,
        "shift": 1,
        "licence": "none",
        "citation": "none",
        "homepage": "none",
        "sha256": {name: arrays.digest(array) for name, array in found.items()},
        "sources": [{"kind": "url", "form": "idx", "at": shelf.url, "files": listed(shelf)}],
    }
    write(entry, tmp_path, monkeypatch)
    return entry


def write(entry: dict, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `entry`, as `tiny`, the only one in the catalog."""
    path = folder / f"catalog-{len(list(folder.glob('catalog-*')))}.yaml"
    path.write_text(yaml.safe_dump({"tiny": entry}))
    monkeypatch.setattr(catalog, "CATALOG", path)


def listed(shelf: Shelf) -> list[dict]:
    """The files of the server as the catalog lists them."""
    return [{"name": name, "md5": hashlib.md5(content).hexdigest()} for name, content in shelf.files.items()]


def tiny_arrays() -> dict[str, np.ndarray]:
    """20 training and 10 test images of 4 × 4, and labels 0 and 1."""
    random = np.random.default_rng(0)
    shapes = [(20, 4, 4, 1), (20,), (10, 4, 4, 1), (10,)]
    highest = [256, 2, 256, 2]
    return {
        name: random.integers(0, high, shape, np.uint8)
        for name, shape, high in zip(catalog.ARRAYS, shapes, highest, strict=True)
    }


def idx(array: np.ndarray) -> bytes:
    """An array in the format of MNIST's files."""
    array = array[..., 0] if array.ndim == 4 else array
    return struct.pack(f">HBB{array.ndim}i", 0, 8, array.ndim, *array.shape) + array.tobytes()
