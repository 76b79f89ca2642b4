"""The model card of a run in the Hugging Face format: facts for machines at the head, sentences for people below.

https://huggingface.co/docs/hub/model-cards; Mitchell et al. 2019, "Model Cards for Model Reporting", arXiv:1810.03993.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from edgekit.core.budget import Budget
from edgekit.core.measurement import METRICS, QUALITIES, Measurement
from edgekit.core.run import Run
from edgekit.data.catalog import entry
from edgekit.library import cards as models
from edgekit.models.about import About
from edgekit.registry import techniques
from edgekit.report import story as told
from edgekit.report.recommend import check
from edgekit.report.story import Story
from edgekit.show import words
from edgekit.show.naming import file_name, title
from edgekit.show.snippet import snippet
from edgekit.show.spelling import spelled

OF_COSTS = ("size_bytes", "shipped_bytes", "latency_ms", "peak_memory_bytes")
PIPELINES = {  # (task, kind of samples) -> what the hub calls it; what it has no word for is left out
    ("classification", "image"): "image-classification",
    ("classification", "text"): "text-classification",
    ("classification", "sound"): "audio-classification",
    ("classification", "values"): "tabular-classification",
    ("regression", "values"): "tabular-regression",
    ("detection", "image"): "object-detection",
    ("translation", "text"): "translation",
    ("verification", "image"): "image-feature-extraction",
}
SIGNS = re.compile(r"[\\`*_\[\]<>|#~$]")  # those that mean something to Markdown inside a line
NAMES = {"macro_f1": "f1"}  # where the hub has another name for a metric


def model_card(run: Run) -> str:
    """The README.md of a repository that holds the run's file.

    Raises:
        StoreError: the run has not finished.
    """
    check([run])
    techniques()  # so that recipes are spelled out
    about = models().get(run.model)
    story = Story(run, Budget(), entry(run.data), about, None)
    return (
        _engine()
        .get_template("card.md.jinja")
        .render(
            head=yaml.safe_dump(_head(story), sort_keys=False, allow_unicode=True, width=110),
            run=run,
            data=story.data,
            story=story,
            about=about,
            title=f"{story.model} on {story.data.title}: {title(run)}",
            file=file_name(run),
            answer=told.answer(story),
            costs=told.costs(story),
            rows=[_row(run, metric) for metric in METRICS if metric in run.measurements],
            steps=[words.step(step) for step in spelled(run.recipe)],
            snippet=snippet(run, about) if about else "",
            licence=getattr(about, "licence", "that of the network it was made of"),
        )
    )


def _head(story: Story) -> dict[str, Any]:
    """The part that the hub reads."""
    run, data = story.run, story.data
    kind = PIPELINES.get((data.task, data.kind))
    named = {"type": kind or data.task, "name": (kind or data.task).replace("-", " ").capitalize()}
    techniques_used = [next(iter(step)).replace("_", "-") for step in run.recipe]
    return {
        **_licence(story.about),
        "library_name": "onnx",
        **({"pipeline_tag": kind} if kind else {}),
        "tags": ["onnx", "onnxruntime", "edgekit", *dict.fromkeys(techniques_used)],
        "metrics": [NAMES.get(m, m) for m in (*QUALITIES, *NAMES) if m in run.measurements],
        "model-index": [
            {
                "name": f"{story.model}: {title(run)}",
                "results": [
                    {
                        "task": named,
                        "dataset": {"type": run.data, "name": data.title, "split": run.split},
                        "metrics": [_metric(m) for m in run.measurements.values() if _is_told(m)],
                    }
                ],
            }
        ],
    }


def _is_told(found: Measurement) -> bool:
    return METRICS[found.metric].unit == "fraction" or found.metric in OF_COSTS


def _metric(found: Measurement) -> dict[str, Any]:
    named = METRICS[found.metric]
    unit = "" if named.unit == "fraction" else f" [{named.unit}]"
    return {
        "type": NAMES.get(found.metric, found.metric), "value": _short(found.value), "name": f"{named.title}{unit}",
        "args": {"low": _short(found.low), "high": _short(found.high), "how": found.how},
    }  # fmt: skip


def _short(value: float) -> float | int:
    """Six digits behind the point; a whole number as one."""
    return int(value) if value == int(value) else round(value, 6)


def _licence(about: About | None) -> dict[str, str]:
    """The hub's word for a licence, where there is one; what is not known is called so."""
    licence = getattr(about, "licence", "")
    if not licence:
        return {"license": "unknown"}
    plain = licence.startswith("MIT") and ";" not in licence
    return {"license": "mit"} if plain else {"license": "other", "license_name": licence}


def _row(run: Run, metric: str) -> dict[str, str]:
    found, before = run.measurements[metric], run.baseline_measurements.get(metric)
    return {
        "title": METRICS[metric].title, "before": words.measured(before), "after": words.measured(found),
        "band": words.interval(found) or "exact", "how": f"{found.origin.value}: {found.how}",
    }  # fmt: skip


def _engine() -> Environment:
    """Of Markdown: what somebody else wrote goes through `plain`, so that its signs mean nothing but themselves."""
    engine = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, keep_trailing_newline=True,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    engine.filters["plain"] = lambda text: SIGNS.sub(r"\\\g<0>", " ".join(str(text).split()))
    return engine
