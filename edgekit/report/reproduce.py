"""How to make a run's file again: a Python script that does it and checks what came out, and the same as a command."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from pprint import pformat

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from edgekit.core.files import written_whole
from edgekit.core.run import Run
from edgekit.data.catalog import entry
from edgekit.models import uploads
from edgekit.report.again import Expected
from edgekit.report.model_card import model_card
from edgekit.report.recommend import check
from edgekit.show.naming import command, file_name

SCRIPT, CARD = "reproduce.py", "README.md"


def script(run: Run) -> str:
    """The Python script; see the template beside this file.

    Raises:
        StoreError: the run has not finished.
        EdgeKitError: a step of its recipe is not known here.
    """
    from edgekit.recipe import Recipe

    check([run])
    recipe = Recipe.parse(run.recipe)
    expected = Expected.of(run, file_name(run), recipe.trains)
    return (
        _engine()
        .get_template("reproduce.py.jinja")
        .render(
            expected=expected.model_dump(mode="json"),
            recipe=yaml.safe_dump(recipe.to_list(all_settings=True), sort_keys=False, default_flow_style=None),
            model=run.model,
            data=run.data,
            samples=None if _whole(run) else run.samples,
            split=run.split,
            seed=run.seed,
            upload=uploads.cards().get(run.model),
            command=command_again(run),
            created=run.created.date().isoformat(),
            script=SCRIPT,
        )
    )


def command_again(run: Run) -> str:
    """The command that makes the file again, with its seed and as many samples; empty for the original itself."""
    if run.is_baseline:
        return ""
    more = [f"--seed {run.seed}"] if run.seed else []
    more += [] if _whole(run) else [f"--samples {run.samples}"]
    return " ".join([command(run), *more])


def write(run: Run, folder: Path) -> dict[str, Path]:
    """Everything that is needed to make a file again: the script, the model card, and an upload as it came.

    Returns:
        What each is -> where it is: "script", "card", and "model" where the model is an upload.
    """
    found = {"script": (folder / SCRIPT, script(run)), "card": (folder / CARD, model_card(run))}
    for path, text in found.values():
        with written_whole(path) as file:
            file.write(text.encode())
    paths = {name: path for name, (path, _) in found.items()}
    if upload := uploads.cards().get(run.model):
        paths["model"] = folder / Path(upload.file).name
        shutil.copyfile(uploads.path(run.model), paths["model"])
    return paths


def _whole(run: Run) -> bool:
    """Whether all samples of the split scored it."""
    about = entry(run.data)
    return run.samples >= (about.validation if run.split == "validation" else about.evaluation)


def _engine() -> Environment:
    """Of Python, not of HTML: every value goes in as its repr, or as ASCII without quotes inside a docstring."""
    engine = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, keep_trailing_newline=True,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    engine.filters |= {"repr": repr, "pretty": lambda value: pformat(value, width=110, sort_dicts=False)}
    engine.filters |= {"block": _block, "ascii": lambda text: re.sub(r'[^ -~]|["\\]', "?", text)}
    return engine


def _block(text: str) -> str:
    """A text of several lines between three quotes, where nothing in it would end them or mean something else."""
    plain = text.isascii() and '"' not in text and "\\" not in text
    return f'"""\n{text}"""' if plain else repr(text)
