"""All models that there are, by name: those that come with EdgeKit, and those that a person brought.

Listing them reads their cards only; nothing is built, and nothing heavy imported, until a model is loaded.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.core.errors import DataError, ModelError, unknown
from edgekit.core.files import sha256
from edgekit.core.model import Model
from edgekit.core.progress import Progress, part, silent
from edgekit.data import bring, splits
from edgekit.data.catalog import entries, entry
from edgekit.models import by_name, samples, uploads, weights_file
from edgekit.models.about import About
from edgekit.models.confined import kind_of
from edgekit.models.facts import Facts, Limits

if TYPE_CHECKING:
    import onnx

ARCHITECTURES = (  # those of ours that weights can be for; named here too, since models.architectures loads torch
    "lenet5", "resnet8", "resnet20", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_lite0",
    "ds_cnn", "vit-tiny", "cnn_1d", "gru", "resnet50", "resnet101", "minilm", "seq2seq", "seq2seq_small",
    "autoencoder", "detector", "face_mobilenet_v2", "face_mobilenet_v3_small", "face_resnet50", "face_resnet101",
)  # fmt: skip
USUAL_SIDE, USUAL_LENGTH = 224, 128  # of images and of other inputs whose size a file leaves free
QUANTIZED = "it is quantized already: it can be measured and compared, but neither quantized again nor trained"


def cards() -> dict[str, About]:
    """All models by id: the samples, then the uploads, the newest first."""
    return {**samples.cards(), **uploads.cards()}


def card(name: str) -> About:
    """The card of one model.

    Raises:
        ModelError: there is none of that name.
    """
    if name not in (known := cards()):
        raise ModelError(unknown("model", name, known))
    return known[name]


def load(name: str | Path, data: str | None = None) -> Model:
    """A model by its name, or from an ONNX file or from elsewhere, which is then kept among the uploads.

    Args:
        data: id of the data set that the file was trained on; for files only. Without one it gets random inputs.

    Raises:
        ModelError: there is none of that name, or the file is refused; the reason is said.
        DataError: the data set is unknown, or not on this machine.
    """
    if isinstance(name, Path) or Path(name).suffix or by_name.is_name(name):
        name = add(Path(name), data)
    card(name)  # of all that there are, one by this name
    return samples.load(name) if name in samples.cards() else uploads.load(name)


def for_data(data: str) -> Model:
    """A sample model that was trained on a data set: it tells how inputs for that data are prepared.

    Raises:
        DataError: there is no such data set, or no sample model for it.
    """
    entry(data)
    names = [name for name, known in samples.cards().items() if known.data == data]
    name = next(filter(samples.is_here, names), next(iter(names), None))
    if name is None:
        raise DataError(
            f"a file is scored as a sample model prepares its inputs, and none was trained on {data}. Add the file as "
            f"a model, which finds out how it is fed: python -m edgekit models add FILE --data {data}"
        )
    return samples.load(name)


def add(
    path: Path | str,
    data: str | None = None,
    *,
    title: str = "",
    architecture: str = "",
    scaling: str | None = None,
    progress: Progress = silent,
) -> str:
    """Take an ONNX file, or weights, among the models, and return its id; the same file again is the same model.

    The file is opened in a process of its own first, and kept as it is.

    Args:
        path: of the file; or a name such as "torchvision:mobilenet_v2", see models/by_name.py.
        data: id of the data set that it is scored on; random inputs if absent, for its latency and size.
        title: what it is called; the file's name if absent.
        architecture: for safetensors and PyTorch state dicts, the one of ours that the weights are for.
        scaling: how samples are scaled, by its name in `measure.ways`; found by trying if absent.

    Raises:
        ModelError: the file is refused, does not fit the data set, or cannot be run on it.
        DataError: the data set is unknown, or not on this machine.
    """
    if not by_name.is_name(str(path)):
        path = Path(path)
        return _added(path, path.name, title or path.stem, data, architecture, scaling, progress)
    if data is not None:
        splits.load(data)  # what is not here is said before anything is fetched
    found, rest = by_name.fetched(str(path), part(progress, 0, 0.3)), part(progress, 0.3, 1)
    name = str(path).split(":", 1)[1].replace("/", "-").removesuffix(".onnx")
    with tempfile.TemporaryDirectory() as folder:
        file = found if isinstance(found, Path) else _written(found, Path(folder) / "named.onnx")
        return _added(file, f"{name}.onnx", title or name, data, architecture, scaling, rest)


def feed_otherwise(name: str, scaling: str, progress: Progress = silent) -> str:
    """Take an upload among the models once more, with its samples scaled in another way; its new id is returned.

    Args:
        scaling: one of the `ways` on its card.

    Raises:
        ModelError: there is no such upload, or no such way.
    """
    found = uploads.cards().get(name)
    if found is None:
        raise ModelError(unknown("uploaded model", name, uploads.cards()))
    again = _added(uploads.path(name), found.file, found.title, found.data, found.architecture, scaling, progress)
    if again != name:
        uploads.remove(name)
    return again


def _added(
    path: Path, file: str, title: str, data: str | None, architecture: str, scaling: str | None, progress: Progress
) -> str:
    from edgekit.measure.fitting import fitted

    if data is not None:
        splits.load(data)  # what is not here is said before anything is opened
    graph, facts, why = _opened(path, data, architecture, part(progress, 0, 0.4))
    data = data or _random_inputs(facts)
    about, dataset = entry(data), splits.load(data)
    fit, size = fitted(graph, facts, dataset, scaling, part(progress, 0.4, 1)), path.stat().st_size
    found = uploads.Card(
        title=title,
        summary=f"Your file {file}, {size / 1e6:,.2f} MB, scored on {about.title}.",
        data=data,
        preprocessing=fit.preprocessing,
        params=facts.params,
        macs=fit.macs,
        sha256=sha256(path),
        file=file,
        bytes=size,
        architecture=architecture,
        operators=facts.operators,
        quantized=facts.quantized,
        scaling=fit.said,
        ways=fit.ways,
        why_no_network=why,
    )
    uploads.keep(path, found)
    progress(1.0, "added")
    return found.id


def _written(named: by_name.Named, path: Path) -> Path:
    """The ONNX file of a named network."""
    import numpy as np

    from edgekit.artifacts.export import export

    path.write_bytes(export(named.network, np.zeros((1, *named.shape), np.float32)).SerializeToString())
    return path


def _random_inputs(facts: Facts) -> str:
    """A data set of random inputs for a file; dimensions that are free get a usual length."""
    from edgekit.measure.ways import FLOATS, taken

    if len(facts.inputs) != 1 or facts.inputs[0].shape is None:
        raise ModelError(f"random inputs are made for files with one input of known dimensions, not {taken(facts)}.")
    port = facts.inputs[0]
    free = USUAL_SIDE if len(port.shape) == 4 else USUAL_LENGTH
    return bring.synthetic(tuple(free if one is None else one for one in port.shape[1:]), port.dtype not in FLOATS)


def _opened(path: Path, data: str | None, architecture: str, progress: Progress) -> tuple[onnx.ModelProto, Facts, str]:
    """The graph of a file with what it holds, and why no trainable network comes of it; "" where one does."""
    from edgekit.models.onnx_file import inputs, opened
    from edgekit.models.quarantine import examine

    if kind_of(path, Limits()) in weights_file.KINDS:
        if not architecture:
            raise ModelError(
                f"{path.name} holds weights and no network. Choose which of these architectures they are for: "
                f"{', '.join(ARCHITECTURES)}; or export the network to ONNX."
            )
        if data is None:
            raise ModelError(f"weights need the data set that they are for: one of {', '.join(entries())}.")
        return *_exported(path, data, architecture, progress), ""
    facts = examine(path, progress=part(progress, 0, 0.5))
    if not facts.runs:
        raise ModelError(f"ONNX Runtime must be able to run {path.name}, but could not: {facts.why_not}")
    graph = opened(path.read_bytes())
    left = {value.name for value in inputs(graph)}
    facts = facts.model_copy(update={"inputs": tuple(port for port in facts.inputs if port.name in left)})
    progress(0.5, "making a network of it that can train")
    return graph, facts, QUANTIZED if facts.quantized else uploads.network_of(graph)[1]


def _exported(path: Path, data: str, architecture: str, progress: Progress) -> tuple[onnx.ModelProto, Facts]:
    """The graph that weights make with an architecture."""
    from edgekit.artifacts.export import export
    from edgekit.models._check import checked

    found = weights_file.weights(path, progress=progress)  # apart first, since the file is still a stranger
    example = uploads.example(data)
    try:
        graph = export(uploads.with_weights(found, architecture, data), example)
    except (RuntimeError, ValueError):  # torch's, of shapes that do not go together
        about, sizes = entry(data), " × ".join(map(str, example.shape[1:]))
        raise ModelError(
            f"{architecture} takes other {about.samples} than {about.title} has, which are {sizes}. "
            "Choose another architecture, or another data set."
        ) from None
    return graph, checked(graph.SerializeToString(), Limits())


def remove(name: str) -> None:
    """Forget an upload and delete its file; runs that were made of it stay.

    Raises:
        ModelError: it is a sample model, or there is none of that name.
    """
    if name in samples.cards():
        raise ModelError(f"{name} comes with EdgeKit and cannot be removed; only uploads can.")
    found = uploads.cards().get(name)
    uploads.remove(name)
    if entry(found.data).synthetic and all(other.data != found.data for other in uploads.cards().values()):
        bring.remove(found.data)
