"""What a search begins with: recipes that are known to do well, and those that did so in earlier runs of the model.

Order: integers first, as nothing else gives as much for as little (Krishnamoorthi 2018, arXiv:1806.08342); then fewer
bits; then less network. With training: prune, recover, quantize (Han et al. 2016, arXiv:1510.00149).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from glob import escape
from itertools import combinations

import numpy as np

from edgekit.core.anatomy import blocks
from edgekit.core.errors import EdgeKitError
from edgekit.core.model import Model
from edgekit.core.technique import Fact
from edgekit.search.autopilot.kept import Steps
from edgekit.search.autopilot.space import Space, plain
from edgekit.search.frontier import frontier
from edgekit.search.sensitivity import key, known_table
from edgekit.search.sliders import PRUNINGS
from edgekit.store.rows import Summary
from edgekit.store.store import Store

WITHOUT_TRAINING: list[Steps] = [
    [{"quantize_static": {}}],
    [{"quantize_weights": {"bits": 4, "activations": "int8"}}],
    [{"quantize_weights": {"bits": 6, "activations": "int8"}}],
    [{"quantize_weights": {"bits": 3, "activations": "int8"}}],
    [{"quantize_mixed": {"average_bits": 4.0, "activations": "int8"}}],
    [{"quantize_dynamic": {}}],
    [{"quantize_mixed": {"average_bits": 3.0, "activations": "int8"}}],
    [{"quantize_weights": {"bits": 5, "activations": "int8"}}],
    [{"quantize_mixed": {"average_bits": 2.5, "activations": "int8"}}],
    [{"prune_channels": {"sparsity": 0.1}}, {"quantize_weights": {"bits": 4, "activations": "int8"}}],
    [{"prune_blocks": {"sparsity": 0.1, "criterion": "output"}}, {"quantize_static": {}}],
    [{"quantize_weights": {"bits": 2, "activations": "int8"}}],
    [{"prune_heads": {"sparsity": 0.25, "feed_forward": 0.25}}, {"quantize_dynamic": {}}],
    [{"prune_weights": {"sparsity": 0.5}}, {"quantize_weights": {"bits": 4, "activations": "int8"}}],
    [{"factorize": {"keep": 0.7}}, {"quantize_static": {}}],
    [{"share_weights": {"bits": 4, "dense_bits": 4}}],
]
INSIDE: list[Steps] = [  # blocks get narrower inside, what they add stays; integers are multiplied fastest by sixteens
    [{"prune_channels": {"sparsity": share, "shared": False, "scope": "global", "round_to": 16}}]
    for share in (0.3, 0.35, 0.4, 0.5)
]
STEMS: list[Steps] = [  # what is trained; how it is stored is tried afterwards, on each
    [],
    [{"prune_channels": {"sparsity": 0.3}}],
    [{"prune_channels": {"sparsity": 0.4}}],
    [{"prune_channels": {"sparsity": 0.5}}],
    [{"prune_channels": {"sparsity": 0.6}}],
    [{"prune_channels": {"sparsity": 0.7}}],
    [{"prune_channels": {"sparsity": 0.8}}],
    [{"prune_blocks": {"sparsity": 0.3}}],
    [{"prune_blocks": {"sparsity": 0.4}}],
    [{"prune_blocks": {"sparsity": 0.4}}, {"prune_channels": {"sparsity": 0.2}}],
    [{"prune_blocks": {"sparsity": 0.4}}, {"prune_channels": {"sparsity": 0.4}}],
    *INSIDE,
    [{"separate_convs": {"epochs": 0}}],
    [{"prune_heads": {"sparsity": 0.5, "feed_forward": 0.5}}],
]
ENCODINGS: list[Steps] = [
    [{"quantize_static": {}}],
    [{"quantize_weights": {"bits": 4, "activations": "int8"}}],
    [{"quantize_weights": {"bits": 3, "activations": "int8"}}],
    [{"quantize_weights": {"bits": 4}}],  # on floats: of little work, integers leave less
    [{"quantize_weights": {"bits": 3}}],
    [{"quantize_mixed": {"average_bits": 3.5, "activations": "int8"}}],
    [{"quantize_dynamic": {}}],
]
RECOVERY = {"fine_tune": {}}
WITH_MAPS = {"distill": {"attention": 100.0}}  # where feature maps can be compared: ResNet-20 loses half as much
SINGLE_BLOCKS = 8  # of a network with so many at most, each may be the one to go
FROM_EARLIER = 8  # recipes at most
HARMLESS = 0.01  # of quality that a pruning may cost by itself


def first_recipes(space: Space, earlier: Iterable[Summary], store: Store) -> list[Steps]:
    """The recipes to begin with that work on the model and need no training, each once.

    Args:
        earlier: finished runs of the same model, whichever page asked for them.
        store: where tables of sensitivities are that were measured here.
    """
    ours = [*WITHOUT_TRAINING[:2], *_proved(earlier), *_by_sensitivity(space, store), *WITHOUT_TRAINING[2:]]
    return _fitting(space, ours)


def first_stems(space: Space) -> list[Steps]:
    """What to train first, without recovery and encoding."""
    names = _few_blocks(space.model)
    alone = [[_without(names, name), *inside] for name in names for inside in ([], *INSIDE[:3])]
    return _fitting(space, [*STEMS, *alone])


def stems_of_two_blocks(space: Space) -> Iterator[tuple[Steps, list[Steps]]]:
    """Two blocks gone, and the others narrower inside; with each, the stems without one of the two.

    `prune_blocks` by itself takes those that do least, which are often neighbours: of one late and one early block both
    weights and time are saved.
    """
    names = _few_blocks(space.model)
    for pair in combinations(names, 2):
        parts = [stem for name in pair for stem in _fitting(space, [[_without(names, name)]])]
        for stem in _fitting(space, [[_without(names, *pair), *inside] for inside in ([], *INSIDE[:2])]):
            yield stem, parts


def recovery(space: Space) -> dict[str, dict]:
    """The step by which a stem is trained, without epochs: the original teaches, and of images shows where it looks."""
    from edgekit.techniques._attention_maps import map_makers

    model = space.model
    if Fact.CHANNELS_FIRST not in model.facts() or not fits(space, [WITH_MAPS]):
        return RECOVERY
    return WITH_MAPS if map_makers(model.network, np.zeros((1, *model.input_shape), np.float32)) else RECOVERY


def encodings(space: Space, learned: Iterable[float] = ()) -> list[Steps]:
    """How a trained stem is stored first.

    Args:
        learned: average bits at which rounding is learned too, which takes as long as some training.
    """
    slow: list[Steps] = [
        [{"quantize_mixed": {"average_bits": bits, "activations": "int8", "rounding": "reconstructed"}}]
        for bits in learned
    ]
    return _fitting(space, [*ENCODINGS, *slow])


def fits(space: Space, steps: Steps) -> bool:
    """Whether a recipe is made of what the space offers and works on the model; nothing always does."""
    allowed = {name for names in space.options.values() for name in names}
    return all(next(iter(step)) in allowed for step in steps) and (not steps or not space.problems(steps))


def _fitting(space: Space, ours: Iterable[Steps]) -> list[Steps]:
    found: list[Steps] = []
    for steps in ours:
        if fits(space, steps) and (tidy := plain(steps)) not in found:
            found.append(tidy)
    return found


def _few_blocks(model: Model) -> list[str]:
    """The blocks of a network with few: which of them is missed least, and which is slowest, differs."""
    names = [name for name, _ in blocks(model.network)] if Fact.BLOCKS in model.facts() else []
    return names if len(names) <= SINGLE_BLOCKS else []


def _without(names: list[str], *gone: str) -> dict[str, dict]:
    """The step that takes just these of the blocks away."""
    return {"prune_blocks": {"sparsity": 0.9, "skip": [escape(name) for name in names if name not in gone]}}


def _proved(earlier: Iterable[Summary]) -> list[Steps]:
    """Recipes on the frontier of earlier runs: they are measured again only where their samples differ."""
    runs = [run for run in earlier if run.recipe and "size_bytes" in run.metrics and "latency_ms" in run.metrics]
    points = [(run.metrics["size_bytes"].value, run.metrics["latency_ms"].value) for run in runs]
    found = []
    for place in frontier(points, (False, False))[:FROM_EARLIER]:
        try:
            found.append(plain(runs[place].recipe))
        except EdgeKitError:  # of another version, with settings that there are no more
            continue
    return [steps for steps in found if not any("epochs" in settings for step in steps for settings in step.values())]


def _by_sensitivity(space: Space, store: Store) -> list[Steps]:
    """From the table of sensitivities: of each kind the strongest pruning that alone costs little, then few bits."""
    table = known_table(space.model.id, space.model.sha256, store)
    if table is None:
        return []
    most = table.quality["[]"] - HARMLESS
    found: dict[str, tuple[float, Steps]] = {}
    for pruning in PRUNINGS:
        ((name, settings),) = pruning[0].items()
        if table.quality.get(key(pruning), 0.0) >= most and settings.get("sparsity", 0) > found.get(name, (0, []))[0]:
            found[name] = settings["sparsity"], pruning
    return [[*steps, {"quantize_weights": {"bits": 4, "activations": "int8"}}] for _, steps in found.values()]
