"""The report: one HTML file that holds everything, asks no network for anything, and reads well on paper.

The chart is drawn by plotly.js, which is in the file once, compressed (a third of its size); the browser unpacks it.
Texts that people wrote are escaped by the template engine; a policy in the file forbids the browser any address and
any script but the report's own, which may make functions of text: plotly.js does, to draw thousands of points.
"""

from __future__ import annotations

import base64
import functools
import gzip
import json
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from edgekit.core.budget import Budget
from edgekit.core.errors import StoreError
from edgekit.core.measurement import METRICS, QUALITIES, Origin, paired_test, quality
from edgekit.core.run import Run
from edgekit.core.technique import Technique
from edgekit.data.catalog import Entry, entry
from edgekit.library import cards as models
from edgekit.registry import techniques
from edgekit.report import story as told
from edgekit.report.changed import changed
from edgekit.report.device import DeviceRow
from edgekit.report.recommend import check
from edgekit.report.reproduce import command_again
from edgekit.report.story import Story
from edgekit.search.frontier import frontier
from edgekit.show import charts, words
from edgekit.show.cards import cards
from edgekit.show.naming import file_name, sentence, table
from edgekit.show.points import MOST, on_boards, points
from edgekit.show.spelling import spelled
from edgekit.store.store import Store
from edgekit.tasks import task

HERE = Path(__file__).parent
CLEAR, GRID = "rgba(0,0,0,0)", "rgba(128,136,148,0.28)"
MOST_ROWS = 15  # of the table beside the chart


def html(
    run: Run,
    store: Store,
    budget: Budget | None = None,
    *,
    question: str = "",
    among: Sequence[Run] = (),
    devices: Sequence[DeviceRow] = (),
) -> str:
    """The report of a finished run as one HTML file.

    Args:
        store: where the run, its original and the other runs of its model are.
        budget: what can be afforded.
        question: what the report is to answer; by default the question that the budget asks.
        among: the runs that it was chosen from, for the reader to know.
        devices: what is known of it elsewhere; the machine that measured it is a row by itself.

    Raises:
        StoreError: the run has not finished, or not all of `among` are of one model and scored on the same samples.
    """
    check([run, *(one for one in among if one.id != run.id)])
    techniques()  # so that recipes are spelled out
    story = Story(run, budget or Budget(), entry(run.data), models().get(run.model), _baseline(run, store))
    everything = points(store.summaries(run.model, run.samples, limit=MOST, split=run.split), _host(run), keep=run.id)
    samples, why_none = changed(run, story.data)
    axes = charts.COSTS_ALONE if story.data.synthetic else charts.WITH_QUALITY
    drawn = [_chart(everything, axis, story) for axis in axes]
    return (
        _engine()
        .get_template("page.html.jinja")
        .render(
            run=run,
            story=story,
            title=f"{story.model} on {story.data.title}",
            question=question.strip() or told.question(story),
            verdict=told.verdict(story),
            held=all(check.held for check in told.checks(story)),
            answer=told.answer(story),
            checks=told.checks(story),
            among=len(among),
            cards=cards(run, story.budget, story.about),
            charts=drawn,
            count=len(everything),
            best=_best(everything, run.id),
            quality=METRICS[_good(story)].title.split()[0],
            costs=told.costs(story),
            samples=samples,
            why_none=why_none,
            legend=_legend(story.data),
            devices=[_here(run), *devices],
            estimated=any(row.latency and row.latency.origin is Origin.ESTIMATED for row in devices),
            steps=_steps(run),
            recipe=yaml.safe_dump(spelled(run.recipe), sort_keys=False, default_flow_style=None) if run.recipe else "",
            command=command_again(run),
            file=file_name(run),
            table=_rows(table(run)),
            test=paired_test(found.metric) if (found := quality(run.measurements)) else "",
            written=_date(datetime.now(UTC)),
            measured=_date(run.created),
            plotly=_plotly(),
            plotly_version=_plotly_version(),
            figures=[one["figure"] for one in drawn],
            config=charts.CONFIG | {"responsive": True},
            style=_text("page.css"),
            script=_text("page.js"),
            nonce=secrets.token_urlsafe(16),
            words=words,
        )
    )


def _chart(everything: list[charts.Point], axes: tuple[str, str], story: Story) -> dict[str, Any]:
    """A figure as plotly.js takes it, with nothing of its own to say about light or dark."""
    metric, upright = axes
    figure = charts.pareto(
        everything, metric, budget=story.budget, upright=upright, selected=story.run.id, boards=on_boards(story.run)
    )
    figure.update_layout(
        template="none", paper_bgcolor=CLEAR, plot_bgcolor=CLEAR, font={"family": "inherit", "size": 13},
        margin={"l": 64, "r": 16, "t": 8, "b": 56}, autosize=True,
    )  # fmt: skip
    figure.update_xaxes(gridcolor=GRID, linecolor=GRID).update_yaxes(gridcolor=GRID, linecolor=GRID)
    return {"title": charts.title(metric, upright, _good(story)), "figure": json.loads(figure.to_json())}


def _best(everything: list[charts.Point], chosen: str) -> list[dict[str, Any]]:
    """The files that no smaller one beats in quality, and the recommended one, from small to large."""
    known = [point for point in everything if point.xy("size_bytes")]
    pairs = [tuple(one.value for one in point.xy("size_bytes")) for point in known]
    on_it = [known[place] for place in frontier(pairs, more_is_better=(False, True))][:MOST_ROWS]
    rows = on_it + [p for p in known if p.id == chosen and p not in on_it]
    return [
        {"name": p.name, "chosen": p.id == chosen, "numbers": [words.measured(one) for one in _three(p)]}
        for p in sorted(rows, key=lambda p: p.measurements["size_bytes"].value)
    ]


def _three(point: charts.Point) -> list:
    return [point.quality, point.measurements.get("size_bytes"), point.measurements.get("latency_ms")]


def _steps(run: Run) -> list[dict[str, str]]:
    """Every step in plain words: what it is called, how it was set, what one gains by it, where it comes from."""
    found = []
    for step, short in zip(spelled(run.recipe), run.recipe, strict=True):
        name = next(iter(short))
        kind = techniques().get(name)
        set_to = words.step(step).removeprefix(name.replace("_", " ")).strip(" ()")
        found.append(
            {
                "title": kind.title if kind else name,
                "set_to": set_to,
                "effect": kind.effect if kind else "",
                "reference": kind.reference if kind else "",
                "about": _idea(kind) if kind else "",
            }  # fmt: skip
        )
    return found


def _idea(kind: type[Technique]) -> str:
    """The first sentences of a technique's card, without its title in front and its formula behind."""
    first = " ".join(kind.card().split("\n\n")[0].split("  ")[0].split())
    return sentence(first.partition(": ")[2] or first)


def _here(run: Run) -> DeviceRow:
    """The machine that measured the file."""
    latency = run.measurements.get("latency_ms")
    fits = words.measured(run.measurements["peak_memory_bytes"]) if "peak_memory_bytes" in run.measurements else ""
    return DeviceRow(
        device=str(run.machine.get("cpu") or "the machine that measured it"),
        runtime=f"ONNX Runtime {run.versions.get('onnxruntime', '')}, one thread",
        latency=latency,
        fits=f"runs in {fits}" if fits else "",
        source=latency.how if latency else "",
    )


def _date(when: datetime) -> str:
    return f"{when.day} {when:%B %Y}"


def _rows(columns: dict[str, list[str]]) -> dict[str, Any]:
    return {"head": list(columns), "body": list(zip(*columns.values(), strict=True))}


def _legend(about: Entry) -> str:
    asked = task(about.task)
    if asked.in_place:
        from edgekit.show.boxes import LEGEND

        return LEGEND
    return "" if asked.graded else f"The percentage is {asked.sure}."


def _good(story: Story) -> str:
    """The metric that says how good the run is."""
    found = quality(story.run.measurements)
    return found.metric if found else QUALITIES[0]


def _host(run: Run) -> str:
    return str(run.machine.get("id", ""))


def _baseline(run: Run, store: Store) -> Run | None:
    """The original's run; None where it was deleted since."""
    try:
        return store.get(run.baseline) if run.baseline else None
    except StoreError:
        return None


@functools.cache
def _engine() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


@functools.cache
def _text(name: str) -> str:
    return (HERE / name).read_text("utf-8")


@functools.cache
def _plotly() -> str:
    """plotly.js, packed with gzip, as text."""
    from plotly.offline import get_plotlyjs

    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), 6, mtime=0)).decode()


def _plotly_version() -> str:
    from plotly.offline import get_plotlyjs_version

    return get_plotlyjs_version()
