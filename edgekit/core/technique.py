"""What a compression technique is: settings with ranges, facts that it needs and changes, and one verb, `apply`.

A technique is one file in `edgekit/techniques/`; the file's name is its id, its module docstring its card. The settings
are the technique: `PruneWeights(sparsity=0.5)` is a value that can be compared, stored and sent.
"""

from __future__ import annotations

import fnmatch
import inspect
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from edgekit.core.encoding import Stored
from edgekit.core.knobs import Knob, build

if TYPE_CHECKING:
    import onnx
    from torch import nn

    from edgekit.core.bench import Bench


class Fact(StrEnum):
    """Something that holds of a model at some point of a recipe. The value completes "needs …"."""

    NETWORK = "a trainable PyTorch network"
    FLOAT_WEIGHTS = "ordinary float weights"
    FLOAT_ACTIVATIONS = "float activations"
    BATCH_NORM = "batch normalisation layers"
    CALIBRATION_DATA = "calibration data"
    TRAINING_DATA = "training data with labels"
    ATTENTION = "attention layers with separate query, key and value projections"
    BLOCKS = "residual blocks that keep the shape of what they are given"
    COLOUR = "colour images"
    CHANNELS_FIRST = "images as inputs, with their channels before height and width"


FAMILIES = ("Pruning", "Recovery", "Quantization", "Sharing and factoring", "Smaller networks", "Input and graph")


@dataclass(frozen=True)
class Change:
    """What happened to one layer: `Change("conv1", "48 of 64 channels kept")`.

    Attributes:
        numbers: what was seen on the way and explains how good it can be, by name, for the advisor to reckon with.
    """

    layer: str
    what: str
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Applied:
    """What a step gives back.

    Attributes:
        result: the changed network or graph; a NetworkTechnique may return a graph, and then removes Fact.NETWORK.
        changes: one per layer that was touched; never empty (raise NothingToDo instead).
        encodings: weight initializer name -> how to pack it; the graph keeps what the codes decode to, or the codes
            themselves as int8 where they feed a DequantizeLinear.
        curve: per epoch of training: {"epoch", "loss", "accuracy", "validation_accuracy", …}.
    """

    result: Any
    changes: list[Change]
    encodings: dict[str, Stored] = field(default_factory=dict)
    curve: list[dict] = field(default_factory=list)


class Technique(BaseModel):
    """Settings of one compression step. Subclass NetworkTechnique or GraphTechnique, not this.

    `effect` says in a few words what a file gains by it and what it does not: "smaller file, not faster". `family` is
    one of FAMILIES. Class constants (or properties, where they depend on the settings): `needs`, `adds` and
    `removes` are Facts; `identity` holds settings at which outputs must not change, or None where there are none;
    `trains` says whether it trains, so that it takes more than a moment; `renames` whether layers are called otherwise
    after it; `asks` names other models that it learns from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_default=True)

    title: ClassVar[str]
    effect: ClassVar[str]
    family: ClassVar[str]
    reference: ClassVar[str]
    needs: ClassVar[frozenset[Fact]] = frozenset()
    adds: ClassVar[frozenset[Fact]] = frozenset()
    removes: ClassVar[frozenset[Fact]] = frozenset()
    identity: ClassVar[dict | None] = None
    trains: ClassVar[bool] = False
    renames: ClassVar[bool] = False
    asks: ClassVar[tuple[str, ...]] = ()
    on_graph: ClassVar[bool]

    @classmethod
    def id(cls) -> str:
        """The technique's name in recipes: the name of its file."""
        return cls.__module__.rsplit(".", 1)[-1]

    @classmethod
    def card(cls) -> str:
        """What there is to know of it: the docstring of its file."""
        return inspect.getdoc(sys.modules[cls.__module__])

    def needs_in_all(self) -> frozenset[Fact]:
        """What its settings need, and what its kind does: a step on the network needs one."""
        return self.needs if self.on_graph else self.needs | {Fact.NETWORK}

    @classmethod
    def make(cls, values: dict[str, Any]) -> Self:
        """Settings from a mapping, or a SettingError that names everything wrong with it."""
        return build(cls, cls.title, values)

    def settings(self, all_of_them: bool = False) -> dict[str, Any]:
        """The settings that differ from their defaults, or every one."""
        return self.model_dump(exclude_defaults=not all_of_them)


class NetworkTechnique(Technique):
    """A step on the PyTorch network."""

    on_graph: ClassVar[bool] = False

    def apply(self, network: nn.Module, bench: Bench) -> Applied:
        """Compress `network`, a private copy that may be changed, and say what changed."""
        raise NotImplementedError  # pragma: no cover


class OnCodes:
    """What a NetworkTechnique also offers if it works behind a quantization step. Put it before NetworkTechnique."""

    def wrong_for_codes(self) -> list[str]:
        """The settings that cannot hold there: ["score must be magnitude, not taylor"]; empty if all can."""
        raise NotImplementedError  # pragma: no cover

    def apply_to_codes(self, graph: onnx.ModelProto, encodings: Mapping[str, Stored], bench: Bench) -> Applied:
        """Compress `graph`, a private copy whose weights an earlier step made codes, as `encodings` or it itself says.

        Encodings that it gives back replace those of the same name.
        """
        raise NotImplementedError  # pragma: no cover


class GraphTechnique(Technique):
    """A step on the exported ONNX graph; after it there is no network any more."""

    on_graph: ClassVar[bool] = True

    def apply(self, graph: onnx.ModelProto, bench: Bench) -> Applied:
        """Compress `graph`, a private copy that may be changed, and say what changed."""
        raise NotImplementedError  # pragma: no cover


class Layerwise(BaseModel):
    """The two knobs of every technique that works layer by layer. Put it before the technique class among the bases."""

    layers: Annotated[
        dict[str, dict[str, Any]],
        Knob(help="Other settings for some layers: name pattern → settings.", advanced=True),
    ] = Field(default_factory=dict)
    skip: Annotated[list[str], Knob(help="Name patterns of layers to leave alone.", advanced=True)] = Field(
        default_factory=list
    )

    @model_validator(mode="after")
    def _overrides_are_settings(self) -> Self:
        for pattern, values in self.layers.items():
            if extra := {"layers", "skip"} & set(values):
                raise ValueError(f"layers['{pattern}'] cannot hold {', '.join(sorted(extra))}")
            self._with(values, f", layers['{pattern}']")
        return self

    def for_layer(self, name: str) -> Self | None:
        """The settings that hold for a layer, or None if it is skipped. The first pattern that fits wins."""
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in self.skip):
            return None
        for pattern, values in self.layers.items():
            if fnmatch.fnmatchcase(name, pattern):
                return self._with(values)
        return self

    def patterns_without(self, names: Iterable[str]) -> list[str]:
        """The patterns that fit none of these layers, in the order in which they were given."""
        patterns, names = [*self.skip, *self.layers], list(names)
        return [pattern for pattern in patterns if not any(fnmatch.fnmatchcase(name, pattern) for name in names)]

    def _with(self, values: dict[str, Any], where: str = "") -> Self:
        plain = {name: value for name, value in self.__dict__.items() if name not in ("layers", "skip")}
        return build(type(self), getattr(type(self), "title", "layers") + where, plain | values)
