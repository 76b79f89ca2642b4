"""The few lines of Python that run a downloaded file."""

import json

from edgekit.core.preprocessing import Pixels, Text, TextPairs
from edgekit.core.run import Run
from edgekit.data.catalog import entry
from edgekit.models.about import About
from edgekit.show.naming import file_name
from edgekit.tasks import task


def snippet(run: Run, card: About) -> str:
    """Python that loads the downloaded file and runs it on one image, with onnxruntime, numpy and pillow."""
    prepared, raw = card.preprocessing, entry(card.data).shape
    if not isinstance(prepared, Pixels):
        return _plain_snippet(run, card)
    height, width, channels = (*(prepared.size or raw[:2]), len(prepared.mean))
    mode = "L" if channels == 1 else "RGB"
    pixels = "" if channels > 1 else "[..., None]"
    arranged = "inputs" if prepared.channels_last else "inputs.transpose(2, 0, 1)"
    arranged += ".reshape(-1)" if prepared.flat else ""
    return f"""import numpy as np, onnxruntime as ort
from PIL import Image{_task_too(card)}

image = Image.open("picture.png").convert("{mode}").resize(({width}, {height}), Image.BILINEAR)
pixels = np.asarray(image, np.float32){pixels} / 255  # ({height}, {width}, {channels})
inputs = (pixels - np.float32({list(prepared.mean)})) / np.float32({list(prepared.std)})

session = ort.InferenceSession("{file_name(run)}")
outputs = session.run(None, {{session.get_inputs()[0].name: {arranged}[None]}})[0]
print({_answer(card)})
"""


def _plain_snippet(run: Run, card: About) -> str:
    prepared, raw = card.preprocessing, entry(card.data).shape
    is_text = isinstance(prepared, Text | TextPairs)
    yours = 'kept(["your text"])' if is_text else f"np.zeros((1, {', '.join(map(str, raw))}))"
    text_too = "\nfrom edgekit.core.text import kept" if is_text else ""
    values = ", ".join(f"{name}={value!r}" for name, value in prepared if name != "kind")
    asked, outputs = task(entry(card.data).task), "once(prepared(samples))"
    if asked.decoding:
        outputs = f'task("{asked.id}").run(once, prepared(samples))'
    return f"""import numpy as np, onnxruntime as ort
from edgekit.core.preprocessing import {type(prepared).__name__}{text_too}{_task_too(card)}

prepared = {type(prepared).__name__}({values})
samples = {yours}  # yours: {prepared.in_words(raw)}

session = ort.InferenceSession("{file_name(run)}")
once = lambda inputs: session.run(None, {{session.get_inputs()[0].name: inputs}})[0]
outputs = {outputs}
print({_answer(card)})
"""


def _task_too(card: About) -> str:
    return "\nfrom edgekit.tasks import task" if "task(" in task(entry(card.data).task).in_code else ""


def _answer(card: About) -> str:
    about = entry(card.data)
    if expression := task(about.task).in_code:
        return expression
    names = about.classes
    return f"{json.dumps(list(names))}[outputs.argmax()]" if names else "outputs"
