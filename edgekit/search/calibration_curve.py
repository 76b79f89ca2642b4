"""How many calibration samples are enough: one recipe with static quantization, measured with 8 to 512 of them."""

from dataclasses import dataclass
from typing import Any

from edgekit.core.measurement import Measurement, quality
from edgekit.core.progress import Progress, part, silent
from edgekit.core.run import Run
from edgekit.library import load
from edgekit.store.store import Store

SIZES = (8, 16, 32, 64, 128, 256, 512)
STEP = "quantize_static"
Steps = list[dict[str, dict[str, Any]]]


@dataclass(frozen=True)
class Calibrated:
    """One point: how many samples, the run that was measured with them, and how good it is."""

    samples: int
    run: str
    quality: Measurement


def with_samples(recipe: Steps, samples: int) -> Steps:
    """The recipe with so many calibration samples in its last step of static quantization."""
    last = max(number for number, step in enumerate(recipe) if STEP in step)
    return [{STEP: step[STEP] | {"samples": samples}} if number == last else step for number, step in enumerate(recipe)]


def calibration_curve(run: Run, store: Store, samples: int | None, progress: Progress = silent) -> list[Calibrated]:
    """Measure a run's recipe with each of SIZES; what was measured before is found again.

    Args:
        run: whose recipe holds static quantization.
        samples: of the test set; None for all.
    """
    from edgekit.pipeline import compress  # here, since the page that shows the curve is painted without torch
    from edgekit.recipe import Recipe

    model, points = load(run.model), []
    for place, size in enumerate(SIZES):
        here = part(progress, place / len(SIZES), (place + 1) / len(SIZES))
        recipe = Recipe.parse(with_samples(run.recipe, size))
        found = compress(model, recipe, store=store, samples=samples, seed=run.seed, progress=here)
        points.append(Calibrated(size, found.id, quality(found.measurements)))
    return points
