"""The verbs of the command line that take a run to other people: `report` and `reproduce`."""

from pathlib import Path
from typing import Annotated

import typer

from edgekit.core.budget import Budget
from edgekit.core.errors import SettingError
from edgekit.terminal import Json, MostBytes, MostMilliseconds, MostPointsLost, budget_of, printed


def report(
    runs: Annotated[list[str], typer.Argument(help="The id of a finished run; of several the best is recommended.")],
    out: Annotated[Path, typer.Option(help="The HTML file to write.", dir_okay=False)] = Path("report.html"),
    question: Annotated[str, typer.Option(help="What the report is to answer; the budget's question by default.")] = "",
    size_bytes: MostBytes = None,
    latency_ms: MostMilliseconds = None,
    accuracy_drop: MostPointsLost = None,
    limit: Annotated[str, typer.Option(help="A limit on another device, such as latency@raspberry-pi-4=30ms.")] = "",
    as_json: Json = False,
) -> None:
    """Write the report of a run, for people who do not read code: one HTML file that needs no network."""
    from edgekit.core.files import written_whole
    from edgekit.report.device import elsewhere
    from edgekit.report.page import html
    from edgekit.report.recommend import recommended
    from edgekit.store.store import Store

    budget = _with(limit, budget_of(size_bytes, latency_ms, accuracy_drop))
    store = Store.open()
    candidates = [store.get(id) for id in dict.fromkeys(runs)]
    chosen = recommended(candidates, budget)
    text = html(chosen, store, budget, question=question, among=candidates, devices=elsewhere(chosen, store)).encode()
    with written_whole(out) as file:
        file.write(text)
    found = {"run": chosen.id, "path": str(out), "bytes": len(text), "among": [run.id for run in candidates]}
    printed(as_json, found, [f"{out}: {len(text):,} bytes, run {chosen.id}"])


def reproduce(
    run: Annotated[str, typer.Argument(help="The id of a finished run; `runs` lists them.")],
    out: Annotated[Path, typer.Option(help="The folder to write into.", file_okay=False)],
    as_json: Json = False,
) -> None:
    """Write what makes a run's file again: a Python script that checks what came out, and the model card."""
    from edgekit.report.reproduce import command_again, write
    from edgekit.store.store import Store

    chosen = Store.open().get(run)
    paths = {name: str(path) for name, path in write(chosen, out).items()}
    command = command_again(chosen)
    lines = [f"{name:<8} {path}" for name, path in paths.items()]
    lines += [f"run it   python {paths['script']}", *([f"or       {command}"] if command else [])]
    printed(as_json, {"run": chosen.id, "command": command} | paths, lines)


def _with(limit: str, budget: Budget) -> Budget:
    """The budget with a limit on another device, if one is given."""
    if not limit:
        return budget
    from edgekit.search.limits import Wish

    there = Wish.parse(limit).limit({})
    if not there.device or there.metric != "latency_ms":
        raise SettingError(
            f"--limit must be of the latency on a device, such as latency@raspberry-pi-4=30ms, not '{limit}'. For "
            "limits here there are --size-bytes, --latency-ms and --accuracy-drop."
        )
    return budget.model_copy(update={"device": there.device, "device_latency_ms": there.worst})
