"""The verbs of the command line about devices: `devices` with `kit`, `add` and `forget`, `estimate` and `bench`."""

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgekit.core.numbers import milliseconds, percent, size
from edgekit.core.numbers import threads as count_of
from edgekit.terminal import Json, printed, progress

if TYPE_CHECKING:
    from edgekit.devices.catalog import Device
    from edgekit.devices.estimate import Estimate


devices_app = typer.Typer(help="Devices that EdgeKit knows, kits to take to one, and results that come back.")


@devices_app.callback(invoke_without_command=True)
def devices(context: typer.Context, as_json: Json = False) -> None:
    """List the devices that estimates can be made for."""
    if context.invoked_subcommand:
        return
    from edgekit.devices.catalog import devices as known

    found = [_device(one) for one in known().values()]
    lines = [f"{d['id']:<22} {d['name']}  ({'; '.join(d['rates']) or 'no rates'})" for d in found]
    printed(as_json, {"devices": found}, lines)


@devices_app.command("kit")
def devices_kit(
    run: Annotated[str, typer.Argument(help="The id of a finished run; `runs` lists them.")],
    out: Annotated[Path, typer.Option(help="Where to write the zip.")] = Path("device-kit.zip"),
    device: Annotated[str | None, typer.Option(help="Which device it is for; any by default.")] = None,
    tflite: Annotated[
        bool, typer.Option("--tflite", help="First export the run to LiteRT, unless that was done, for the kit.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a zip with a run's file, the original and bench.py, to take to a board; with a .tflite if there is one."""
    from edgekit.core.files import written_whole
    from edgekit.devices import own
    from edgekit.export.for_boards import made, tflite_of
    from edgekit.store.store import Store

    store = Store.open()
    if tflite and tflite_of(run)[0] is None:
        made(run, store, progress())
    path, why_none = tflite_of(run)
    packed = own.kit_of(store.get(run), store, device, path)
    with written_whole(out) as file:
        file.write(packed)
    found = {"path": str(out), "bytes": len(packed), "tflite": path is not None, "why_no_tflite": why_none}
    printed(as_json, found, [f"{out}: {size(len(packed))}. Its README says how.", *filter(None, [why_none])])


@devices_app.command("add")
def devices_add(
    result: Annotated[Path, typer.Argument(help="The result.json that a board wrote.", dir_okay=False)],
    run: Annotated[str, typer.Option(help="The run whose file was timed.")],
    device: Annotated[
        str, typer.Option(help="Which device of the catalog the board is, if the kit does not say.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Take in what a board measured: a point of the run, named after it, and better estimates for that device."""
    from edgekit.core.errors import MeasureError
    from edgekit.devices import own
    from edgekit.devices.catalog import device as known
    from edgekit.store.store import Store

    if not result.is_file():
        raise MeasureError(f"there must be a result at {result}, but there is none.")
    if device:
        known(device)
    store = Store.open()
    point = own.add(result.read_bytes(), store.get(run), store, device)
    mended = [one for one in own.recalibrated(store) if one.calibration.device == point.device]
    found = point.model_dump(mode="json") | {
        "recalibrated": [
            {"rates": one.calibration.title, "factor": one.factor, "error_before": one.before, "error_after": one.after}
            for one in mended
        ]
    }
    lines = [f"{point.board}: {milliseconds(point.latency.value)} ({point.runtime}, {count_of(point.threads)})"]
    for one in mended:
        after = (
            "one file: nothing to leave out"
            if one.after is None
            else f"{percent(one.after, 0)} after, each file left out"
        )
        lines.append(f"  estimates for {one.calibration.title}: {percent(one.before, 0)} off before; {after}")
    printed(as_json, found, lines)


@devices_app.command("forget")
def devices_forget(
    run: Annotated[str, typer.Argument(help="The run that a result was brought back for.")],
    board: Annotated[str, typer.Argument(help="The board, as its point is called.")],
    as_json: Json = False,
) -> None:
    """Take a board's results of a run out again: its points, and what they did to estimates."""
    from edgekit.core.errors import SettingError, unknown
    from edgekit.devices import own
    from edgekit.store.store import Store

    store = Store.open()
    chosen = store.get(run)
    points = [one for one in chosen.boards if one.board == board]
    if not points:
        raise SettingError(unknown("board", board, [one.board for one in chosen.boards]))
    for one in points:
        own.forget(one, chosen, store)
    printed(as_json, {"run": run, "board": board, "forgotten": len(points)}, [f"{board}: forgotten"])


def estimate(
    file: Annotated[Path, typer.Argument(help="An ONNX file.", dir_okay=False)],
    device: Annotated[list[str] | None, typer.Option(help="Its id; all devices by default.")] = None,
    runtime: Annotated[str | None, typer.Option(help="Which runtime will run it; bands are wider of others.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="How many; the quickest by default.")] = None,
    rate: Annotated[float | None, typer.Option(min=0.001, help="Inferences a second, for average watts.")] = None,
    as_json: Json = False,
) -> None:
    """Estimate what a file would do on a device: time, memory, energy, and what the device refuses. Not measured."""
    from edgekit.core.errors import SettingError
    from edgekit.devices import own
    from edgekit.devices.catalog import devices as known
    from edgekit.devices.estimate import estimate as estimated
    from edgekit.devices.read import read
    from edgekit.store.store import Store

    if threads and not device:
        raise SettingError("--threads needs a --device: each has rates for other numbers of threads.")
    network, mine = read(file), own.own(Store.open())
    found = [estimated(network, name, runtime=runtime, threads=threads, own=mine) for name in device or known()]
    asjson = {"file": str(file), "sha256": network.sha256, "estimates": [estimate_json(one, rate) for one in found]}
    printed(as_json, asjson, [line for one in found for line in _lines(one, rate, bool(device))])


def bench(
    files: Annotated[list[Path], typer.Argument(help="One or more .onnx or .tflite files.")],
    threads: Annotated[int | None, typer.Option(min=1, help="All cores by default.")] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="Of running, all files together.")] = 3.0,
    board: Annotated[str, typer.Option(help="What to call this machine; found by itself by default.")] = "",
    out: Annotated[Path | None, typer.Option(help="Also write result.json here.")] = None,
    as_json: Json = False,
) -> None:
    """Time files on this machine the way a device kit does; the result can be brought back with `devices add`."""
    from edgekit.core.errors import MeasureError
    from edgekit.devices import bench as program
    from edgekit.devices.result import parse

    for path in files:
        if not path.is_file():
            raise MeasureError(f"there must be a file at {path}, but there is none.")
    with tempfile.TemporaryDirectory() as folder:
        target = out or Path(folder) / "result.json"
        command = [sys.executable, program.__file__, *map(str, files), "--seconds", str(seconds), "--out", str(target)]
        command += ["--threads", str(threads)] if threads else []
        command += ["--board", board] if board else []
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["nothing"]
            raise MeasureError(f"the files must run here, but {said[-1]}")
        found = json.loads(target.read_text("utf-8"))
    result = parse(json.dumps(found))
    lines = [f"{one.name}: {milliseconds(result.latency(n).value)}" for n, one in enumerate(result.files)]
    where = f"{result.board}, {count_of(result.threads)}, {result.runtime}"
    printed(as_json, found, [*lines, where])


def estimate_json(one: "Estimate", rate: float | None = None) -> dict[str, Any]:
    """The stable form of an estimate."""
    from edgekit.devices.energy import BATTERIES, charges, watts

    energy = one.energy_mj
    return {
        "device": one.device.id,
        "name": one.device.name,
        "runtime": one.runtime,
        "precision": one.precision,
        "threads": one.threads,
        "latency_ms": one.latency_ms and one.latency_ms.as_json(),
        "why_not": one.why_not,
        "parts_ms": one.parts,
        "fits": one.room.fits,
        "memory": asdict(one.room) | {"problems": one.room.problems},
        "energy_mj": energy and energy.as_json(),
        "inferences_per_charge": energy and {name: round(charges(energy, b)[0]) for name, b in BATTERIES.items()},
        "average_watts": rate and one.latency_ms and one.device.power
        and watts(one.latency_ms.value, one.device.power, rate),
        "holds_rate": rate and one.latency_ms and rate * one.latency_ms.value <= 1000,
        "refused": list(one.refused),
        "notes": list(one.notes),
        "nearest_published": [row.model_dump(include={"device", "runtime", "precision", "model", "input", "macs",
                                                      "latency_ms", "energy_uj", "source"}) for row in one.rows],
    }  # fmt: skip


def _lines(one: "Estimate", rate: float | None, alone: bool) -> list[str]:
    found = one.latency_ms
    head = f"{one.device.id:<22} "
    if found is None:
        return [head + one.why_not, *(f"  {said}" for said in one.room.problems if alone)]
    fits = "fits" if one.room.fits else "does not fit"
    head += f"about {milliseconds(found.value)} ({milliseconds(found.low)} to {milliseconds(found.high)}), {fits}"
    if not alone:
        return [f"{head}  [{one.runtime}, {one.precision}]"]
    lines = [head, f"  {one.target}", f"  {found.how}", *(f"  {note}" for note in one.notes)]
    lines += [f"  {said}" for said in (*one.room.problems, *one.refused)]
    if one.energy_mj:
        lines.append(f"  about {one.energy_mj.value:.3g} mJ ({one.energy_mj.low:.3g} to {one.energy_mj.high:.3g})")
    elif not one.device.power:
        lines.append(f"  no energy: {one.device.no_power}")
    if rate:
        as_json = estimate_json(one, rate)
        if not as_json["holds_rate"]:
            lines.append(f"  cannot hold {rate:g} a second")
        elif as_json["average_watts"]:
            lines.append(f"  {as_json['average_watts']:.3g} W on average at {rate:g} a second")
    lines += [f"  published: {r.model} {r.input} {r.precision}, {r.latency_ms:g} ms ({r.source})" for r in one.rows]
    return lines


def _device(one: "Device") -> dict[str, Any]:
    from edgekit.devices.catalog import calibrations

    rates = [each.title for each in calibrations().get(one.id, [])]
    return one.model_dump(mode="json", exclude_none=True) | {"rates": rates}
