"""The rules of the house, held by a test: who may import whom, how long a file may be, what every file must say."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ORDER = [
    "core",
    "tasks",
    "data",
    "models",
    "techniques",
    "artifacts",
    "measure",
    "library",
    "registry",
    "recipe",
    "prefixes",
    "store",
    "devices",
]
ORDER += ["pipeline", "reuse", "search", "show", "report", "jobs", "export", "terminal"]
ORDER += ["cli_search", "cli_cluster", "cli_devices", "cli_export", "cli_report", "cli", "ui"]
TOP = {"app.py", "edgekit", "pages", "tests", "sample_models", "README.md", "requirements.txt", "pyproject.toml"}
TOP |= {"Dockerfile", "LICENSE"}
LIGHT = ["core", "store", "show", "report", "jobs", "ui", "data.catalog", "data.download"]  # what the first page needs
LIGHT += ["library", "measure.statistics", "search.frontier"]
HEAVY = {"torch", "onnx", "onnxruntime", "scipy"}


def tracked(pattern: str = "") -> list[Path]:
    """Files of the project: what git knows, or would add."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [ROOT / name for name in names if name.endswith(pattern) and (ROOT / name).exists()]


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import in a file, also of those inside functions."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(path)}:{node.lineno} imports relatively; write the whole name"
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def place(module: str) -> int | None:
    """Where in ORDER a module of edgekit stands; None for other modules and for the package itself."""
    parts = module.split(".")
    return ORDER.index(parts[1]) if parts[0] == "edgekit" and len(parts) > 1 and parts[1] in ORDER else None


def wrong_way(path: Path) -> list[str]:
    """Imports in a file of something that stands below it."""
    here = place(".".join(path.relative_to(ROOT).with_suffix("").parts))
    if here is None:
        return []
    return [
        f"{relative(path)}:{line} imports {name}: {ORDER[here]} comes before {ORDER[there]}"
        for line, name in imports(path)
        if (there := place(name)) is not None and there > here
    ]


def test_every_folder_imports_only_those_above_it():
    assert [problem for path in tracked(".py") for problem in wrong_way(path)] == []


def test_every_folder_of_edgekit_has_its_place_in_the_order():
    ours = [relative(path) for path in tracked(".py") if relative(path).startswith("edgekit/")]
    names = {name.split("/")[1].removesuffix(".py") for name in ours}
    assert names - set(ORDER) <= {"__init__", "__main__"}


def test_a_planted_import_against_the_order_is_found(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    file = tmp_path / "edgekit" / "core" / "knobs.py"
    file.parent.mkdir(parents=True)
    file.write_text("def late():\n    from edgekit import pipeline\n")
    assert wrong_way(file) == ["edgekit/core/knobs.py:2 imports edgekit.pipeline: core comes before pipeline"]


def test_only_the_pages_and_the_ui_import_streamlit():
    at_home = ("app.py", "pages/", "edgekit/ui/", "tests/")
    strays = [
        f"{relative(path)}:{line}"
        for path in tracked(".py")
        if not relative(path).startswith(at_home)
        for line, name in imports(path)
        if name.split(".")[0] == "streamlit"
    ]
    assert strays == []


def test_the_first_page_is_painted_without_torch():
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in tracked(".py")
        if any(f"{relative(path)}/".replace(".py", "").startswith(f"edgekit/{m.replace('.', '/')}/") for m in LIGHT)
    ]
    assert "edgekit.core.run" in modules
    code = f"import sys, importlib\nfor m in {modules}: importlib.import_module(m)\nprint(*{HEAVY} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr[-2000:]


def test_no_page_is_over_120_lines_and_no_file_over_400():
    limit = {path: 120 if relative(path).startswith("pages/") else 400 for path in tracked(".py")}
    assert {relative(p): n for p, most in limit.items() if (n := len(p.read_text("utf-8").splitlines())) > most} == {}


def test_every_module_says_what_it_is_for():
    silent = [relative(path) for path in tracked(".py") if path.read_text("utf-8").strip() and not _docstring(path)]
    assert silent == []


def test_every_public_function_of_edgekit_has_a_docstring():
    kinds = (ast.FunctionDef, ast.ClassDef)
    silent = [
        f"{relative(path)}:{node.lineno} {node.name}"
        for path in tracked(".py")
        if relative(path).startswith("edgekit/")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, kinds) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert silent == []


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=["lint", "format"])
def test_ruff_finds_nothing_to_say(command):
    done = subprocess.run([sys.executable, "-m", "ruff", *command, "."], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_nothing_names_a_path_of_the_machine_it_was_written_on():
    mine = re.compile(r"(?<![\w.])/(?:" + "|".join(["work", "opt", "root", "home", "mnt", "Users"]) + r")/")
    hits = [
        f"{relative(path)}:{number}: {line.strip()[:80]}"
        for path in tracked()
        if path.suffix in {".py", ".md", ".toml", ".yaml", ".yml", ".txt", ".json", ""} and path.is_file()
        for number, line in enumerate(path.read_text("utf-8", "ignore").splitlines(), 1)
        if mine.search(line)
    ]
    assert hits == []


def test_nothing_is_left_to_do_later():
    unfinished = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b")
    assert [relative(p) for p in tracked(".py") if unfinished.search(p.read_text("utf-8"))] == []


def test_the_top_of_the_project_holds_only_what_its_readers_expect():
    assert {relative(path).split("/")[0] for path in tracked() if not relative(path).startswith(".")} <= TOP


def test_the_readme_and_ci_run_the_same_command():
    assert "bash tests/run" in (ROOT / "README.md").read_text("utf-8")
    assert "bash tests/run" in (ROOT / ".ci" / "run").read_text("utf-8")


def _docstring(path: Path) -> str | None:
    return ast.get_docstring(ast.parse(path.read_text("utf-8")))
