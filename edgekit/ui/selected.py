"""The selected point: its recipe, its file to download with the few lines that run it, and what to do with it."""

import json
import shlex

import streamlit as st
import yaml

from edgekit.core.errors import EdgeKitError
from edgekit.core.knobs import in_words
from edgekit.core.measurement import BY_TASK, METRICS, OF_DEVICES
from edgekit.core.preprocessing import Pixels, Text, TextPairs
from edgekit.core.run import Run
from edgekit.data.catalog import entry
from edgekit.models.about import About
from edgekit.search.rounding_pair import RoundingPair, rounding_pair
from edgekit.store.store import Store
from edgekit.tasks import task
from edgekit.ui import actions, controls, state, words
from edgekit.ui.actions import Wish
from edgekit.ui.spelling import spelled


def draw(run: Run, card: About, store: Store) -> None:
    """Recipe and buttons, then numbers, code and hash in tabs."""
    with st.container(border=True, key="selected"):
        st.markdown(f"**{title(run)}**")
        with st.container(horizontal=True, gap="small"):
            download(run, store)
            st.button(
                "Load into the controls", icon=":material/tune:", key="load", on_click=_load, args=(run.recipe,),
                help="Set the sliders, or the recipe editor, to what made this file.",
            )  # fmt: skip
            pinned = "Unpin" if run.pinned else "Pin"
            st.button(
                pinned, icon=":material/keep:", key="pin", on_click=store.pin, args=(run.id, not run.pinned),
                help="Pinned runs and their files are never cleared away.",
            )  # fmt: skip
            if entry(run.data).labelled and (pair := rounding_pair(run.recipe)):
                st.button(
                    f"QAT against PTQ at {pair.bits} bits", icon=":material/compare_arrows:", key="race",
                    on_click=_race, args=(run, pair, store),
                    help="Measures the same recipe with rounding after training (PTQ) and with quantization-aware "
                    "training (QAT), then opens both under Compare.",
                )  # fmt: skip
        st.markdown(f":small[Exactly the file that was measured: sha256 `{run.artifact.sha256}`]")
        recipe, numbers, code = st.tabs(["Recipe", "All numbers", "Run this file"])
        recipe.code(yaml.safe_dump(spelled(run.recipe), sort_keys=False, default_flow_style=None), language=None)
        recipe.markdown(f":small[From the command line:] `{command(run)}`")
        numbers.table(table(run), width="stretch")
        code.code(snippet(run, card), language=None)


def title(run: Run) -> str:
    """The name that a person gave, or the recipe in words."""
    return run.name or sentence(words.recipe(spelled(run.recipe)))


def sentence(text: str) -> str:
    """With a capital letter in front."""
    return text[:1].upper() + text[1:]


def file_name(run: Run) -> str:
    """What the downloaded file is called: the model, then the techniques, then the start of its hash."""
    steps = [next(iter(step)) for step in run.recipe] or ["uncompressed"]
    return f"{'-'.join([run.model, *steps])}-{run.artifact.sha256[:8]}.onnx"


def command(run: Run) -> str:
    """The same compression from the command line."""
    steps = " ".join(
        f"--step {shlex.quote(in_words(name, settings))}"
        for step in spelled(run.recipe)
        for name, settings in step.items()
    )
    return f"python -m edgekit compress {run.model} {steps}".strip()


def table(run: Run) -> dict[str, list[str]]:
    """Every metric: before, after, the interval, and how it came to be."""
    metrics = [metric for metric in METRICS if metric in run.measurements or metric not in (*BY_TASK, *OF_DEVICES)]
    rows = [(metric, run.measurements.get(metric)) for metric in metrics]
    return {
        "": [METRICS[metric].title for metric, _ in rows],
        "Before": [words.measured(run.baseline_measurements.get(metric)) for metric, _ in rows],
        "After": [words.measured(found) for _, found in rows],
        "95 % interval": [words.interval(found) or "exact" if found else "" for _, found in rows],
        "How": [f"{found.origin.value}: {found.how}" if found else "not known yet" for _, found in rows],
    }


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


def download(run: Run, store: Store, key: str = "download") -> None:
    """The button that gives a run's file, or why it is not there."""
    try:
        path = store.file(run.artifact.sha256)
    except EdgeKitError as error:
        st.caption(str(error))
        return
    # read now: a file promised for later is gone if the page is drawn anew between the click and the download
    st.download_button(
        f":primary[**Download**] {words.size(run.artifact.bytes)}", path.read_bytes(), file_name(run),
        "application/octet-stream", icon=":material/download:", key=key, on_click="ignore",
    )  # fmt: skip


def _race(run: Run, pair: RoundingPair, store: Store) -> None:
    whole = run.samples >= entry(run.data).evaluation
    wishes = [Wish(run.model, recipe, None if whole else run.samples) for recipe in (pair.after, pair.aware)]
    state.watch(actions.race(wishes, store, state.session()).id)


def _load(recipe: list[dict]) -> None:
    controls.load(recipe)
