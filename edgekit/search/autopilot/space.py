"""Which recipes a search may propose: one or two steps on the network, a recovery, and one that stores it in few bits.

    shape → narrow → recover → encode          each of them may be left out

What stands in each place comes from the registry, by what a technique is and does, so a new technique is proposed at
once, with the ranges of its own knobs. NARROWED keeps some knobs to what is worth the time.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgekit.core.errors import EdgeKitError
from edgekit.core.knobs import KnobView, knobs
from edgekit.core.technique import FAMILIES, Fact, Technique
from edgekit.recipe import Recipe
from edgekit.registry import techniques
from edgekit.search.autopilot.kept import Steps

if TYPE_CHECKING:
    import optuna

    from edgekit.core.model import Model

PLACES = ("shape", "narrow", "recover", "encode")
NOTHING = "nothing"
OF_TRAINING = {  # set by how much training is allowed, not proposed
    "epochs", "rounds", "sparse_epochs", "accuracy_drop_limit", "learning_rate", "soft_labels", "optimizer",
}  # fmt: skip
NARROWED: dict[str, dict[str, tuple]] = {
    "prune_channels": {
        "sparsity": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7), "scope": ("per layer", "global"),
        "target": ("channels",), "importance": ("magnitude_l2", "fpgm"), "round_to": (8, 16),
        "shared": (True, False), "recalibrate": (True,),
    },
    "prune_weights": {"sparsity": (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9), "score": ("magnitude", "wanda"),
                      "pattern": ("none",), "scope": ("global",)},
    "prune_blocks": {"sparsity": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)},
    "prune_heads": {"sparsity": (0.0, 0.25, 0.5), "feed_forward": (0.0, 0.25, 0.5), "round_to": (8,),
                    "importance": ("contribution",), "scope": ("per layer",)},
    "factorize": {"keep": (0.3, 0.4, 0.5, 0.6, 0.7, 0.8), "of": ("weights",), "method": ("auto",),
                  "fit": ("outputs",)},
    "share_weights": {"bits": (3, 4, 5, 6), "dense_bits": (3, 4, 5)},
    "quantize_static": {"ranges": ("minmax", "percentile", "mse"), "samples": (256,)},
    "quantize_weights": {"rounding": ("compensated",)},  # slower ways are tried on the frontier alone
    "quantize_mixed": {"average_bits": (2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0), "rounding": ("compensated",)},
    "quantize_dynamic": {"convolutions": (False,)},
    "quantize_aware_train": {"bits": (2, 3, 4, 5, 6, 8), "activation_bits": (8,)},
    "distill": {"teacher": ("original",), "temperature": (4.0,), "attention": (0.0,)},
    "shrink_input": {"scale": (0.5, 0.75), "mode": ("resolution",)},
    "swap_architecture": {"width": (0.25, 0.5, 1.0), "architecture": ("mobilenet_v2", "ds_cnn", "resnet8")},
    "separate_convs": {"multiplier": (1, 2)},
}  # fmt: skip
LEFT_OUT = {"search_architecture", "fuse_operators"}  # a search of its own; and what the runtime does by itself


@dataclass(frozen=True)
class Space:
    """The recipes for one model.

    Attributes:
        options: place -> ids of the techniques that may stand there.
        epochs: of every step that trains; 0 where none may.
    """

    model: Model
    options: dict[str, tuple[str, ...]]
    epochs: int = 0

    @classmethod
    def of(cls, model: Model, families: Collection[str] = FAMILIES, epochs: int = 0) -> Space:
        """The space of a model.

        Args:
            families: of techniques that may be used.
        """
        found: dict[str, list[str]] = {place: [] for place in PLACES}
        for name, kind in techniques().items():
            if kind.family in families and name not in LEFT_OUT and _works(name, epochs, model):
                for place in _places(name, kind):
                    found[place].append(name)
        return cls(model, {place: tuple(names) for place, names in found.items()}, epochs)

    def suggest(self, trial: optuna.trial.BaseTrial) -> Steps:
        """The recipe that a sampler wants to see, as YAML would hold it."""
        return self.steps(self.draw(trial))

    def draw(self, trial: optuna.trial.BaseTrial) -> dict[str, Any]:
        """What a sampler chooses: place -> technique, and place.technique.setting -> value."""
        found = {}
        for place, names in self.options.items():
            if not names:
                continue
            name = found[place] = trial.suggest_categorical(place, (NOTHING, *names))
            for knob, values in proposed(name).items():
                found[f"{place}.{name}.{knob}"] = trial.suggest_categorical(f"{place}.{name}.{knob}", values)
        return found

    def steps(self, parameters: dict[str, Any]) -> Steps:
        """The recipe of what was drawn."""
        steps = []
        for place in self.options:
            name = parameters.get(place, NOTHING)
            settings = {knob: parameters[f"{place}.{name}.{knob}"] for knob in proposed(name)}
            steps += [] if name == NOTHING else [{name: settings | training_settings(name, self.epochs)}]
        return plain(steps)

    def parameters(self, steps: Steps) -> dict[str, Any] | None:
        """What a sampler would have suggested to get this recipe, or the one of the space nearest to it.

        None if its techniques, or choices that are no numbers, are not those of the space.
        """
        left, found = list(steps), {}
        for place, names in self.options.items():
            if not names:
                continue
            name, given = next(iter(left[0].items())) if left else (NOTHING, {})
            found[place] = name if name in names else NOTHING
            if name not in names:
                continue
            left.pop(0)
            whole = techniques()[name].make(given).settings(all_of_them=True)
            for knob, values in proposed(name).items():
                found[f"{place}.{name}.{knob}"] = _nearest(whole[knob], values)
        return None if left or None in found.values() else found

    def problems(self, steps: Steps) -> list[str]:
        """Why a recipe does not work on the model, or is none to propose; empty if it does."""
        names = [next(iter(step)) for step in steps]
        if not names or len(set(names)) < len(names):
            return ["a recipe that is proposed has at least one step, and none twice"]
        try:
            return Recipe.parse(steps).problems(self.model)
        except EdgeKitError as error:
            return [str(error)]


@functools.cache
def proposed(name: str) -> dict[str, tuple]:
    """Knob -> the values of it that are proposed, for each knob of a technique that a search turns."""
    if name == NOTHING:
        return {}
    narrowed = NARROWED.get(name, {})
    return {
        view.name: narrowed.get(view.name) or tuple(_values(view))
        for view in knobs(techniques()[name])
        if not view.knob.advanced and view.name not in OF_TRAINING and (view.name in narrowed or any(_values(view)))
    }


def training_settings(name: str, epochs: int) -> dict[str, int]:
    """What a step is given where so many epochs of training are allowed: none for those that do not need it."""
    kind = techniques()[name]
    return {"epochs": epochs} if "epochs" in kind.model_fields and (kind.trains is True or not epochs) else {}


def plain(steps: Steps) -> Steps:
    """The same recipe without the settings that are defaults, so that equal recipes look alike."""
    return Recipe.parse(steps).to_list() if steps else []


def beginnings(steps: Steps) -> list[Steps]:
    """The first step of a recipe, the first two, and so on, up to all of it."""
    return [steps[:number] for number in range(1, len(steps) + 1)]


def trains(steps: Steps) -> bool:
    """Whether a recipe has a step that trains."""
    return Recipe.parse(steps).trains


def _nearest(value: Any, values: tuple) -> Any:
    """The one of the values that stands for a value; None if none does."""
    if value in values:
        return value
    numbers = [one for one in values if isinstance(one, float)]
    return min(numbers, key=lambda one: abs(one - value)) if numbers and isinstance(value, float) else None


def _places(name: str, kind: type[Technique]) -> Iterator[str]:
    if kind.family == "Recovery":
        yield "recover"
    elif kind.on_graph or Fact.FLOAT_WEIGHTS in kind().removes:
        yield "encode"
    else:
        yield "shape"
        if kind.family == "Pruning":
            yield "narrow"


def _works(name: str, epochs: int, model: Model) -> bool:
    kind = techniques()[name]
    if kind.trains is True and not epochs:
        return False
    return not Recipe((kind.make(training_settings(name, epochs)),)).problems(model)


def _values(view: KnobView) -> Iterator[Any]:
    """The values of a knob that nobody narrowed: every choice, or about ten of a range."""
    if view.kind == "choice":
        yield from view.choices
    elif view.kind == "bool":
        yield from (False, True)
    elif view.kind in ("int", "float") and view.low is not None and view.high is not None:
        steps = 10
        values = [view.low + (view.high - view.low) * number / steps for number in range(steps + 1)]
        yield from dict.fromkeys(round(value) if view.kind == "int" else round(value, 6) for value in values)
