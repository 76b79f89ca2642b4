"""Models that a person brought: a folder each beside their runs, named by what is in it, with the file and its card.

The file is kept as it came, byte for byte. Only what passed the quarantine gets here.
"""

from __future__ import annotations

import functools
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import yaml
from pydantic import Field

from edgekit.core import files
from edgekit.core.errors import ModelError, unknown
from edgekit.core.model import Model
from edgekit.data.catalog import entry
from edgekit.models.about import About
from edgekit.tasks import task

if TYPE_CHECKING:
    import onnx
    from torch import Tensor, nn

CARD, FILE = "card.yaml", "model"


class Card(About):
    """What is known of an upload.

    Attributes:
        file: what it was called.
        added: when, in UTC.
        bytes: of the file.
        architecture: the one of ours that the weights in the file are for; empty for ONNX files.
        operators: kind -> how many nodes of it.
        quantized: whether it computes on codes already: it can be measured and compared, and not quantized again.
        scaling: how samples are scaled and how that was found, in words.
        ways: how samples could be scaled -> the share of right answers on a few, None where that was not tried.
        why_no_network: why it cannot train; empty where it can.
    """

    file: str
    added: datetime = Field(default_factory=lambda: datetime.now(UTC))
    bytes: int
    architecture: str = ""
    operators: dict[str, int]
    quantized: bool
    scaling: str
    ways: dict[str, float | None] = Field(default_factory=dict)
    why_no_network: str

    @property
    def identity(self) -> str:
        """A hash of the file and of everything that decides what it is fed and scored on."""
        return files.sha256(f"{self.sha256} {self.data} {self.preprocessing}".encode())

    @property
    def id(self) -> str:
        """The name of the upload: that of its file, and the start of its identity."""
        return f"{files.plain_name(Path(self.file).stem) or 'model'}-{self.identity[:8]}"


def folder() -> Path:
    """Where uploads are kept."""
    return files.home() / "models"


def cards() -> dict[str, Card]:
    """All uploads by id, the newest first."""
    found = {path.parent.name: _card(path, path.stat().st_mtime_ns) for path in folder().glob(f"[!.]*/{CARD}")}
    return dict(sorted(found.items(), key=lambda item: item[1].added, reverse=True))


def keep(path: Path, card: Card) -> None:
    """Store a copy of a file, whole or not at all; the same one again changes nothing."""
    target = folder() / card.id
    if (target / CARD).exists():
        return
    with files.written_folder(target) as beside:
        with files.written_whole(beside / FILE) as written, path.open("rb") as brought:
            shutil.copyfileobj(brought, written)
        with files.written_whole(beside / CARD) as written:
            written.write(yaml.safe_dump(card.model_dump(mode="json"), sort_keys=False).encode())


def path(name: str) -> Path:
    """The file of an upload, as it came.

    Raises:
        ModelError: there is none of that name.
    """
    return _place(name) / FILE


def remove(name: str) -> None:
    """Forget an upload and its file. Runs made of it stay.

    Raises:
        ModelError: there is none of that name.
    """
    place = _place(name)
    _load.cache_clear()
    shutil.rmtree(place)


def load(name: str) -> Model:
    """An upload as a model: its graph, and a network that trains where one could be made of it.

    Raises:
        ModelError: there is none of that name, or its file was changed since.
    """
    place = _place(name)
    return _load(place, (place / CARD).stat().st_mtime_ns)


def with_weights(weights: Mapping[str, Tensor], architecture: str, data: str) -> nn.Module:
    """One of our architectures with given weights, for the samples and classes of a data set, in eval mode.

    Raises:
        ModelError: no such architecture, or weights that are not its own.
    """
    from edgekit.models.architectures import restored

    about = entry(data)
    outputs = task(about.task).outputs(len(about.classes))
    return restored(architecture, outputs, weights, example(data).shape[1:])


def example(data: str) -> np.ndarray:
    """What our architectures take of a data set, (1, …): an image, or the word pieces of a text.

    Raises:
        ModelError: they take no samples of its kind.
    """
    about = entry(data)
    if task(about.task).writes:
        from edgekit.models.architectures.seq2seq import LENGTH as PLACES

        return np.zeros((1, 2 * PLACES), np.int64)
    if about.kind == "text":
        from edgekit.models.architectures.minilm import LENGTH

        return np.zeros((1, LENGTH), np.int64)
    if about.kind != "image":
        raise ModelError(f"weights must be for images or texts, and {about.title} holds {about.samples}.")
    height, width, channels = about.shape
    return np.zeros((1, channels, height, width), np.float32)


def network_of(graph: onnx.ModelProto) -> tuple[nn.Module | None, str]:
    """A network that computes what a graph computes and can train, or None and the reason."""
    from edgekit.models.twin import twin

    try:
        return twin(graph), ""
    except ModelError as error:
        return None, str(error)


def _place(name: str) -> Path:
    """The folder of an upload; a name that is not listed is refused before it becomes a path."""
    if name not in (known := cards()):
        raise ModelError(unknown("uploaded model", name, known))
    return folder() / name


@functools.lru_cache(maxsize=4)
def _load(place: Path, changed: int) -> Model:
    """Opened once for each time that the card was written; `changed` is that time."""
    from edgekit.models.onnx_file import fixed_to, opened
    from edgekit.models.weights_file import read

    card, path = _card(place / CARD, changed), place / FILE
    about = entry(card.data)
    if (found := files.sha256(path)) != card.sha256:
        raise ModelError(
            f"the file of {place.name} must have sha256 {card.sha256}, as when it was added; it has {found}. "
            "Remove the model and add it again."
        )
    graph, network, why = None, None, card.why_no_network
    if card.architecture:
        network = with_weights(read(path), card.architecture, card.data)
    else:
        graph = fixed_to(opened(path.read_bytes()), card.preprocessing.shape(about.shape))
        if not why:
            network, why = network_of(graph)
    return Model(
        id=place.name,
        title=card.title,
        sha256=card.identity,
        input_shape=card.preprocessing.shape(about.shape),
        data=card.data,
        preprocessing=card.preprocessing,
        labels=about.classes,
        task=task(about.task),
        network=network,
        graph=graph,
        why_no_network=why,
        quantized=card.quantized,
        card=card.model_dump(mode="json"),
    )


@functools.lru_cache(maxsize=256)
def _card(path: Path, changed: int) -> Card:
    return Card(**yaml.safe_load(path.read_text(encoding="utf-8")))
