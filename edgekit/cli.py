"""python -m edgekit …: the same verbs as the pages. `--json` on every verb prints one machine-readable object.

Exit status: 0 done; 1 the request could not be met (the reason on stderr, and as {"error": …} with --json); 2 wrong
usage; 130 stopped by Ctrl-C. With EDGEKIT_PROGRESS=json in the environment, progress comes on stderr as lines of JSON.
Heavy imports wait until a verb needs them, so that `--help` is quick.
"""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from edgekit import cli_cluster, cli_devices, cli_export, cli_report, cli_search
from edgekit.core.errors import EdgeKitError
from edgekit.terminal import Json
from edgekit.terminal import line as _line
from edgekit.terminal import printed as _print
from edgekit.terminal import progress as _progress
from edgekit.terminal import run_json as _run

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Compress neural networks for edge devices, and measure the file that comes out.",
)
models_app = typer.Typer(help="The models that there are: those that come with EdgeKit, and yours.")
app.add_typer(models_app, name="models")
data_app = typer.Typer(no_args_is_help=True, help="The data sets that models are calibrated, trained and scored on.")
app.add_typer(data_app, name="data")
app.add_typer(cli_devices.devices_app, name="devices")

Samples = Annotated[int | None, typer.Option(min=1, help="Score only so many test samples; all by default.")]


@models_app.callback(invoke_without_command=True)
def models(context: typer.Context, as_json: Json = False) -> None:
    """List the models: samples with their measured accuracy, then those that were added."""
    if context.invoked_subcommand:
        return
    from edgekit.library import cards

    found = [{"id": name} | card.model_dump(mode="json") for name, card in cards().items()]
    _print(as_json, {"models": found}, [_model(one) for one in found])


@models_app.command("add")
def models_add(
    file: Annotated[str, typer.Argument(help="A file, or a name such as torchvision:mobilenet_v2.")],
    data: Annotated[
        str | None, typer.Option(help="The data set it was trained on and is scored on; random inputs without one.")
    ] = None,
    title: Annotated[str, typer.Option(help="What to call it; the file's name by default.")] = "",
    architecture: Annotated[str, typer.Option(help="For weights alone: which of our networks they are for.")] = "",
    scaling: Annotated[str | None, typer.Option(help="How its pixels are scaled; found by trying by default.")] = None,
    as_json: Json = False,
) -> None:
    """Take an ONNX file, or safetensors or a PyTorch state dict, among the models; it is opened apart first."""
    from edgekit.library import add, card

    name = add(file, data, title=title, architecture=architecture, scaling=scaling, progress=_progress())
    found = {"id": name} | card(name).model_dump(mode="json")
    _print(as_json, found, [_model(found), *filter(None, (found["scaling"], found["why_no_network"]))])


@models_app.command("remove")
def models_remove(name: str, as_json: Json = False) -> None:
    """Forget a model that was added, and delete its file; runs that were made of it stay."""
    from edgekit.library import remove

    remove(name)
    _print(as_json, {"removed": name}, [f"{name} is removed"])


@models_app.command("build")
def models_build(name: str, as_json: Json = False) -> None:
    """Train a sample model whose weights are too large to come with EdgeKit; `models` says how long that takes."""
    from edgekit.models.remake import build

    found = {"id": name} | build(name, _progress()).model_dump(mode="json")
    _print(as_json, found, [_model(found)])


@app.command()
def techniques(
    as_json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="A reference page of all techniques.")] = False,
) -> None:
    """List the techniques with their settings."""
    from edgekit import registry

    found = [registry.described(name, kind) for name, kind in registry.techniques().items()]
    lines = registry.page(found) if markdown else [f"{t['id']:<20} {t['title']}  ({t['family']})" for t in found]
    _print(as_json, {"techniques": found}, lines)


@data_app.command("list")
def data_list(as_json: Json = False) -> None:
    """Say which data sets are on this machine."""
    from edgekit.data.catalog import entries
    from edgekit.data.download import status

    found = [{"id": name, "title": entry.title} | _status(status(name)) for name, entry in entries().items()]
    _print(as_json, {"data": found}, [f"{d['id']:<16} {d['note']}" for d in found])


@data_app.command("pull")
def data_pull(name: str, as_json: Json = False) -> None:
    """Download a data set, verify it, and keep it in the cache."""
    from edgekit.data.download import pull, status

    pull(name, _progress())
    found = {"id": name} | _status(status(name))
    _print(as_json, found, [f"{name}: {found['note']}"])


@data_app.command("add")
def data_add(
    path: Path,
    title: Annotated[str, typer.Option(help="What to call it; the file's name by default.")] = "",
    size: Annotated[str, typer.Option(help="Of images, HEIGHTxWIDTH; what most of them have by default.")] = "",
    label: Annotated[str | None, typer.Option(help='Of a table, the column with the class; "" for none.')] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of which samples are for training and which for testing.")] = 0,
    as_json: Json = False,
) -> None:
    """Take your own data: a folder or .zip of images, .wav or .txt files in a folder a class, an .npz, .csv or .tsv."""
    from edgekit.data import bring
    from edgekit.data.catalog import entry
    from edgekit.data.download import status

    name = bring.add(path, title=title, size=_size(size), label=label, seed=seed, progress=_progress())
    found = {"id": name} | _status(status(name)) | {"about": entry(name).note, "classes": list(entry(name).classes)}
    _print(as_json, found, [f"{name}: {found['note']}", found["about"]])


@data_app.command("remove")
def data_remove(name: str, as_json: Json = False) -> None:
    """Delete data that was added; models and runs that were scored on it stay."""
    from edgekit.data.bring import remove

    remove(name)
    _print(as_json, {"removed": name}, [f"{name} is removed"])


@app.command()
def runs(
    as_json: Json = False,
    model: Annotated[str | None, typer.Option(help="Only runs of this model.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
) -> None:
    """List the runs that are kept, newest first."""
    from edgekit.store.store import Store

    found = [_run(run) for run in Store.open().list(limit=limit, model=model)]
    _print(as_json, {"runs": found}, [_line(run) for run in found])


@app.command()
def compress(
    model: str,
    step: Annotated[
        list[str] | None, typer.Option(help="A technique with settings: prune_weights,sparsity=0.5")
    ] = None,
    recipe: Annotated[Path | None, typer.Option(help="A YAML file with the recipe.", dir_okay=False)] = None,
    out: Annotated[Path | None, typer.Option(help="Also copy the measured file into this folder.")] = None,
    samples: Samples = None,
    seed: Annotated[int, typer.Option(min=0, help="Of every random choice.")] = 0,
    each_step: Annotated[bool, typer.Option("--each-step", help="Measure the file after every step too.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Measure again, even if this very run is kept.")] = False,
    as_json: Json = False,
) -> None:
    """Compress a model, measure the file that comes out, and keep both."""
    from edgekit import pipeline
    from edgekit.library import load
    from edgekit.search.ghost_record import remember
    from edgekit.store.store import Store

    steps, store, how = _recipe(step, recipe), Store.open(), {"samples": samples, "seed": seed, "fresh": fresh}
    run = pipeline.compress(load(model), steps, store=store, each_step=each_step, progress=_progress(), **how)
    remember(run, store)
    found = _run(run)
    if out is not None:
        found["artifact"]["path"] = _copy(run, out)
    lines = [_line(found), *[f"  {name:<18} {m['value']:g} {m['unit']}" for name, m in found["measurements"].items()]]
    _print(as_json, found, [*lines, f"  {found['artifact']['path']}"])


@app.command()
def measure(
    file: Path,
    data: Annotated[str, typer.Option(help="The data set to score the file on.")],
    samples: Samples = None,
    as_json: Json = False,
) -> None:
    """Measure an ONNX file: accuracy, size, latency and memory."""
    from edgekit import pipeline
    from edgekit.core.files import sha256
    from edgekit.library import for_data

    found = pipeline.measure_file(file, for_data(data), samples, _progress())
    result = {
        "artifact": {"path": str(file), "sha256": sha256(file), "bytes": file.stat().st_size},
        "data": data,
        "measurements": {name: m.as_json() for name, m in found.items()},
    }
    _print(as_json, result, [f"{name:<18} {m.value:g} {m.unit}  ({m.how})" for name, m in found.items()])


@app.command()
def pack(
    file: Path,
    out: Annotated[Path | None, typer.Option(help="Where to write; FILE with .ek behind it by default.")] = None,
    as_json: Json = False,
) -> None:
    """Code an ONNX file in as few bytes as its numbers are worth, for shipping; `unpack` gives back the same file."""
    from edgekit.artifacts.coding import encode

    _convert(file, out or file.with_name(f"{file.name}.ek"), encode, as_json)


@app.command()
def unpack(
    file: Path,
    out: Annotated[Path | None, typer.Option(help="Where to write; FILE without .ek by default.")] = None,
    as_json: Json = False,
) -> None:
    """Turn what `pack` wrote back into the ONNX file, byte for byte."""
    from edgekit.artifacts.coding import decode

    plain = file.name.removesuffix(".ek")
    _convert(file, out or file.with_name(plain if plain != file.name else f"{plain}.onnx"), decode, as_json)


@app.command()
def sensitivity(model: str, as_json: Json = False) -> None:
    """Measure what each slider position does to a model, for the previews on the page. Takes minutes."""
    from edgekit.library import load
    from edgekit.search.sensitivity import measure_table, put_away
    from edgekit.store.store import Store

    table = measure_table(load(model), _progress())
    found = {"model": model, "path": put_away(table, model, Store.open()), "positions": len(table.size_bytes)}
    _print(as_json, found | {"logit_error": table.logit_error}, [f"{found['positions']} positions in {found['path']}"])


app.command()(cli_search.layers)
app.command()(cli_search.search)
app.command()(cli_search.sweep)
app.command()(cli_search.advise)
app.command()(cli_devices.estimate)
app.command()(cli_devices.bench)
app.command()(cli_report.report)
app.command()(cli_report.reproduce)
app.command()(cli_export.export)
app.command()(cli_export.fastest)
app.command()(cli_export.bundle)
app.command()(cli_cluster.scheduler)
app.command()(cli_cluster.worker)


def main() -> None:
    """Run the command line; what a person can mend is said in a sentence, without a traceback."""
    try:
        app(standalone_mode=True)
    except EdgeKitError as error:
        print(error, file=sys.stderr)
        if "--json" in sys.argv:
            print(json.dumps({"error": str(error)}))
        sys.exit(1)


def _model(found: dict) -> str:
    from edgekit.models.samples import SHAPE_ONLY

    if found.get("quality"):
        good = f"{found['quality']['value']:.2%}"
    else:
        good = f"your file {found['file']}" if "file" in found else SHAPE_ONLY
    return f"{found['id']:<20} {good}  {found['title']}" + (", built on request" if found.get("on_request") else "")


def _size(text: str) -> tuple[int, int] | None:
    """ "32x48" as (32, 48); nothing as None."""
    from edgekit.core.errors import DataError

    if not text:
        return None
    sides = text.lower().split("x")
    if len(sides) != 2 or not all(side.isdecimal() and int(side) for side in sides):
        raise DataError(f"--size must be HEIGHTxWIDTH in pixels, as 32x48; it is '{text}'.")
    return int(sides[0]), int(sides[1])


def _recipe(steps: list[str] | None, file: Path | None) -> Any:
    from edgekit.core.errors import RecipeError
    from edgekit.recipe import Recipe

    if bool(steps) == (file is not None):
        raise RecipeError("compress needs a recipe: either one or more --step, or --recipe FILE, not both.")
    if steps:
        return Recipe.parse(steps)
    if not file.is_file():
        raise RecipeError(f"--recipe must name a YAML file; there is no file {file}.")
    return Recipe.parse(file.read_text())


def _copy(run: Any, folder: Path) -> str:
    from edgekit.store.store import Store

    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{run.model}-{run.id}.onnx"
    shutil.copyfile(Store.open().file(run.artifact.sha256), target)
    return str(target)


def _convert(file: Path, target: Path, conversion: Callable[[bytes], bytes], as_json: bool) -> None:
    """Write what a conversion makes of a file, and say how large both are."""
    from edgekit.core.errors import ModelError
    from edgekit.core.files import written_whole

    if not file.is_file():
        raise ModelError(f"there must be a file at {file}, but there is none.")
    before = file.read_bytes()
    after = conversion(before)
    with written_whole(target) as written:
        written.write(after)
    found = {"path": str(target), "bytes": len(after), "bytes_before": len(before)}
    _print(as_json, found, [f"{target}: {len(after):,} bytes, made of {len(before):,}"])


def _status(status: Any) -> dict:
    return {
        "present": status.present, "complete": status.complete, "bytes": status.bytes,
        "where": str(status.where), "note": status.note,
    }  # fmt: skip
