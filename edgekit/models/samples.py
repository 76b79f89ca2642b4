"""The models that come with EdgeKit: a folder each in sample_models/, with weights and a card that tells their story.

Weights above 16 MB do not come along: such a model is trained on the machine that asks for it (`models.remake.build`),
into a folder in the cache with a card of its own, which counts from then on: another processor gives other last digits.

Of some only the shape is here (plan.SHAPES): they have a card and no weights, which are drawn when they are asked for.

The cards can be read without torch; a network is only made when it is asked for.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from pydantic import BaseModel

from edgekit.core import files
from edgekit.core.errors import ModelError, unknown
from edgekit.core.model import Model
from edgekit.data.catalog import entry
from edgekit.models.about import About
from edgekit.tasks import task

if TYPE_CHECKING:
    from torch import Tensor, nn

CARD, WEIGHTS = "card.yaml", "model.safetensors"
SHAPE_ONLY = "shape only: size, memory and latency, untrained"


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
        quality: of the PyTorch network in float32; none where only the shape is here.
        command: remakes the weights from nothing.
        hinted: epochs before those others, see models/hints.py.
        outputs: how many numbers it puts out; one a class if 0.
        retrain_seconds: how long that took, on `machine`.
        on_request: whether the weights do not come with EdgeKit, and are built where they are asked for.
    """

    architecture: str
    reference: str
    licence: str
    data_licence: str
    citation: str
    quality: Quality | None = None
    command: str = ""
    epochs: int = 0
    hinted: int = 0
    seed: int
    threads: int = 1
    retrain_seconds: int = 0
    machine: str = ""
    outputs: int = 0
    on_request: bool = False
    note: str = ""

    @property
    def shape_only(self) -> bool:
        return self.quality is None

    @property
    def megabytes(self) -> float:
        """Of the weights in single precision."""
        return 4 * self.params / 1e6


def cards() -> dict[str, Card]:
    """All sample models by id."""
    return {name: _read(name) for name in _names()}


def card(name: str) -> Card:
    """The card of one sample model.

    Raises:
        ModelError: there is none of that name.
    """
    if name not in (known := _names()):
        raise ModelError(unknown("model", name, known))
    return _read(name)


def is_here(name: str) -> bool:
    """Whether the weights of a sample model are on this machine, or are drawn on any."""
    return card(name).shape_only or (_folder(name) / WEIGHTS).exists()


def built_folder(name: str) -> Path:
    """Where a model that is built on request is kept, with its card."""
    return files.cache() / "models" / name


def command(name: str) -> str:
    """What a person types to build a sample model."""
    return f"python -m edgekit models build {name}"


def load(name: str) -> Model:
    """A sample model with its network, in eval mode. It is shared: work on a copy.

    Raises:
        ModelError: there is none of that name, it was not built yet, or its weights are not the ones its card names.
    """
    known = card(name)  # a name that does not exist is refused before it becomes a path
    if known.shape_only:
        return _drawn(name)
    weights = _folder(name) / WEIGHTS
    if not weights.exists() and known.on_request:
        raise ModelError(
            f"{known.title} takes {known.megabytes:.0f} MB and is built on request: {command(name)} "
            f"(about {max(1, round(known.retrain_seconds / 60))} min on {known.machine})."
        )
    if not weights.exists():
        raise ModelError(f"sample_models/{name}/{WEIGHTS} is missing. {_mend(name)}")
    return _load(name, weights, weights.stat().st_mtime_ns)


def tensors(content: bytes) -> dict[str, Tensor]:
    """The weights in a file; those that are kept in half precision as float32."""
    from safetensors.torch import load as read

    return {name: value.float() if value.is_floating_point() else value for name, value in read(content).items()}


@functools.lru_cache(maxsize=16)
def _load(name: str, weights: Path, changed: int) -> Model:
    """Built once for each time that the weights were written; `changed` is that time."""
    from edgekit.models.architectures import restored

    known = card(name)
    content = weights.read_bytes()
    if (found := files.sha256(content)) != known.sha256:
        raise ModelError(f"the weights of {name} must have sha256 {known.sha256}, as its card says; theirs is {found}. "
                         f"{_mend(name)}")  # fmt: skip
    shape, classes = known.preprocessing.shape(entry(known.data).shape), len(entry(known.data).classes)
    return _model(name, restored(known.architecture, known.outputs or classes, tensors(content), shape))


@functools.lru_cache(maxsize=1)  # the largest takes 860 MB
def _drawn(name: str) -> Model:
    """A network whose weights its seed decides. The global random state is left as it was."""
    import torch

    from edgekit.models.architectures import build

    known = card(name)
    with torch.random.fork_rng():
        torch.manual_seed(known.seed)
        network = build(known.architecture, known.outputs, known.preprocessing.shape(entry(known.data).shape))
    return _model(name, network.eval())


def _model(name: str, network: nn.Module) -> Model:
    known, about = card(name), entry(card(name).data)
    return Model(
        id=name,
        title=known.title,
        sha256=known.sha256,
        input_shape=known.preprocessing.shape(about.shape),
        data=known.data,
        preprocessing=known.preprocessing,
        labels=about.classes,
        task=task(about.task),
        network=network,
        card=known.model_dump(mode="json"),
    )


def _names() -> list[str]:
    return sorted(path.parent.name for path in files.sample_models().glob(f"*/{CARD}"))


def _read(name: str) -> Card:
    path = _folder(name) / CARD
    return _card(path, path.stat().st_mtime_ns)


def _folder(name: str) -> Path:
    """Where the weights and the card that counts lie, or would. What another version built may be of no use here."""
    built = built_folder(name)
    return built if (built / WEIGHTS).exists() and _is_card(built / CARD) else files.sample_models() / name


def _is_card(path: Path) -> bool:
    try:
        _card(path, path.stat().st_mtime_ns)
    except (OSError, TypeError, ValueError, yaml.YAMLError):
        return False
    return True


def _mend(name: str) -> str:
    if card(name).on_request:
        return f"Build them again: {command(name)}"
    return (
        f"Restore them: git checkout -- sample_models/{name}, or train them again: python sample_models/{name}/train.py"
    )


@functools.lru_cache(maxsize=64)
def _card(path: Path, changed: int) -> Card:
    return Card(**yaml.safe_load(path.read_text(encoding="utf-8")))
