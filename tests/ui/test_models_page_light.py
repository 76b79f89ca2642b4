"""Opening the Models & data page reads cards and nothing else: no weights, no samples, no torch."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WATCHED = """
import sys, threading
opened, imported = [], []

def watch(event, words):
    if threading.current_thread().name == "warm":  # which loads what later pages need, while this one is drawn
        return
    if event == "open":
        opened.append(str(words[0]))
    if event == "import":
        imported.append(words[0])

sys.addaudithook(watch)
from tests.pages import fine, opened as page
fine(page("pages/models_and_data.py"))
from edgekit.models.samples import cards
assert any(path.endswith("card.yaml") for path in opened), "nothing was watched"
kinds = (".safetensors", ".onnx", ".npy", ".png", "vocab.txt")
print(*sorted({path for path in opened if path.endswith(kinds)} | {"torch", "onnxruntime"} & set(imported)))
"""


def test_no_weights_are_opened_and_torch_is_not_loaded(home):
    done = subprocess.run([sys.executable, "-c", WATCHED], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr[-2000:]
