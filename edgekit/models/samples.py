"""The models that come with EdgeKit: a folder each in sample_models/, with weights and a card that tells their story.

The cards can be read without torch; a network is only built when it is asked for.
"""

import functools
from pathlib import Path

import yaml
from pydantic import BaseModel

from edgekit.core import files
from edgekit.core.errors import ModelError, unknown
from edgekit.core.model import Model
from edgekit.data.catalog import entry
from edgekit.models.about import About
from edgekit.tasks import task

CARD, WEIGHTS = "card.yaml", "model.safetensors"


class Quality(BaseModel, frozen=True, extra="forbid"):
    """How good a network is on the whole test set, by the metric of its task, with the 95 % interval."""

    metric: str
    value: float
    low: float
    high: float
    samples: int


class Card(About):
    """What card.yaml says of a sample model. `python -m edgekit.models.card` writes it from measured facts.

    Attributes:
        architecture: its name in models/architectures.
        reference: where the architecture is published.
        quality: of the PyTorch network in float32.
        command: remakes the weights from nothing.
        retrain_seconds: how long that took, on `machine`.
    """

    architecture: str
    reference: str
    licence: str
    data_licence: str
    citation: str
    quality: Quality
    command: str
    epochs: int
    seed: int
    threads: int
    retrain_seconds: int
    machine: str
    note: str = ""


def cards() -> dict[str, Card]:
    """All sample models by id; the first is the default."""
    folders = sorted(path.parent for path in files.sample_models().glob(f"*/{CARD}"))
    return {folder.name: _card(folder / CARD, (folder / CARD).stat().st_mtime_ns) for folder in folders}


def card(name: str) -> Card:
    """The card of one sample model.

    Raises:
        ModelError: there is none of that name.
    """
    found = cards()
    if name not in found:
        raise ModelError(unknown("model", name, found))
    return found[name]


def load(name: str) -> Model:
    """A sample model with its network, in eval mode. It is shared: work on a copy.

    Raises:
        ModelError: there is none of that name, or its weights are not the ones its card names.
    """
    card(name)  # a name that does not exist is refused before it becomes a path
    weights = files.sample_models() / name / WEIGHTS
    if not weights.exists():
        raise ModelError(f"sample_models/{name}/{WEIGHTS} is missing. {_mend(name)}")
    return _load(name, weights.stat().st_mtime_ns)


@functools.lru_cache(maxsize=16)
def _load(name: str, changed: int) -> Model:
    """Built once for each time that the weights were written; `changed` is that time."""
    from safetensors.torch import load as tensors

    from edgekit.models.architectures import restored

    known = card(name)
    content = (files.sample_models() / name / WEIGHTS).read_bytes()
    if (found := files.sha256(content)) != known.sha256:
        raise ModelError(f"the weights of {name} must have sha256 {known.sha256}, as its card says; theirs is {found}. "
                         f"{_mend(name)}")  # fmt: skip
    about = entry(known.data)
    shape = known.preprocessing.shape(about.shape)
    return Model(
        id=name,
        title=known.title,
        sha256=known.sha256,
        input_shape=shape,
        data=known.data,
        preprocessing=known.preprocessing,
        labels=about.classes,
        task=task(about.task),
        network=restored(known.architecture, len(about.classes), tensors(content), shape),
        card=known.model_dump(mode="json"),
    )


def _mend(name: str) -> str:
    return (
        f"Restore them: git checkout -- sample_models/{name}, or train them again: python sample_models/{name}/train.py"
    )


@functools.lru_cache(maxsize=64)
def _card(path: Path, changed: int) -> Card:
    return Card(**yaml.safe_load(path.read_text(encoding="utf-8")))
