"""The verbs of the command line that use edgekit/export: `export`, `fastest` and `bundle`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgekit.export.exported import SAMPLES
from edgekit.show import words
from edgekit.terminal import Json, printed, progress

if TYPE_CHECKING:
    from edgekit.export.exported import Exported

Samples = Annotated[int, typer.Option(min=1, help="Test samples that answers are compared on.")]


def export(
    run: Annotated[str, typer.Argument(help='A run\'s id; or "setup" or "formats".', metavar="RUN|setup|formats")],
    format: Annotated[str, typer.Argument(help="After setup: whose tools to set up.")] = "",
    to: Annotated[str, typer.Option(help="The format; `export formats` lists them.")] = "",
    out: Annotated[Path | None, typer.Option(help="The folder for what comes out.", file_okay=False)] = None,
    precision: Annotated[str | None, typer.Option(help="One of the format's; what keeps the file by default.")] = None,
    samples: Samples = SAMPLES,
    as_json: Json = False,
) -> None:
    """Export a run to another runtime, and check what comes out there: RUN --to FORMAT --out DIR.

    `export formats` lists the formats; `export setup FORMAT` builds the environment that a format's tools live in.
    """
    from edgekit.core.errors import ExportError

    if run == "formats":
        _formats(as_json)
    elif run == "setup":
        _setup(format, as_json)
    elif format or not to or out is None:
        raise ExportError("export needs a run, --to FORMAT and --out DIR: export RUN --to openvino --out out")
    else:
        from edgekit.export.exporting import export as exported

        found = exported(run, to, out, precision=precision, samples=samples, progress=progress())
        printed(as_json, found.as_json() | {"out": str(out)}, _lines(found, out))


def fastest(
    run: Annotated[str, typer.Argument(help="The id of a finished run; `runs` lists them.")],
    samples: Samples = SAMPLES,
    as_json: Json = False,
) -> None:
    """Run one file in all runtimes that are installed, by turns, one thread each, and rank them."""
    from edgekit.export.fastest import ranked

    found = ranked(run, samples=samples, progress=progress())
    lines = [
        f"{words.measured(one.latency):>10}  {one.runtime} ({one.precision})"
        + ("" if one.holds else ", answers otherwise")
        for one in found.places
    ]
    printed(as_json, found.as_json(), [*lines, *(f"{name}: {why}" for name, why in found.left_out.items())])


def bundle(
    run: Annotated[str, typer.Argument(help="The id of a finished run; `runs` lists them.")],
    out: Annotated[Path, typer.Option(help="The .zip to write.", dir_okay=False)],
    as_json: Json = False,
) -> None:
    """Write one zip with the model, labels, preprocessing, a sample with its answer, licence and a README."""
    from edgekit.core.files import written_whole
    from edgekit.export.bundle import bundled

    content = bundled(run)
    with written_whole(out) as file:
        file.write(content)
    printed(as_json, {"path": str(out), "bytes": len(content)}, [f"{out}: {len(content):,} bytes"])


def _formats(as_json: bool) -> None:
    from edgekit.export.formats import formats

    found = [
        {
            "id": name, "title": one.title, "makes": one.makes, "precisions": list(one.precisions),
            "state": one.missing() or "ready", "megabytes": one.megabytes, "requirements": list(one.requirements),
            "re_quantized_here": one.requantizes, "runs_here": one.runs, "note": one.caution or one.why_not,
        }
        for name, one in formats().items()
    ]  # fmt: skip
    printed(as_json, {"formats": found}, [f"{one['id']:<14} {one['title']:<22} {one['state']}" for one in found])


def _setup(name: str, as_json: bool) -> None:
    from edgekit.export.formats import format_of

    kind = format_of(name)
    if (tools := kind.tools()) is not None:
        tools.build(progress())
    found = {"format": name, "environment": str(tools.folder) if tools else None}
    where = f"is ready in {tools.folder}" if tools else "needs nothing besides EdgeKit"
    printed(as_json, found, [f"{kind.title} {where}"])


def _lines(found: "Exported", out: Path) -> list[str]:
    """What a person wants to know of an export."""
    lines: list[Any] = [f"{out / name}  {size:,} bytes" for name, size in found.files.items()]
    if found.quality:
        lines.append(
            f"{found.runtime}: {words.measured(found.quality)} ({words.measured(found.original)} in ONNX Runtime) on "
            f"{found.samples} samples, {found.disagreements} answered differently"
        )
        lines.append(f"{words.measured(found.latency)} ({words.measured(found.original_latency)} in ONNX Runtime)")
    if found.again:
        lines.append("Made from floats again" + (", re-quantized here" if found.requantized else ""))
    return [*lines, *found.notes, *(f"PROBLEM: {problem}" for problem in found.problems)]
