"""Remakes the two pictures in the README from the real app: python -m tests.screenshots

Measures LeNet-5 in a dozen ways in a home of its own, then photographs the Workbench in the light theme and Compare in
the dark one. Takes a minute or two; every number in the pictures is measured on the machine that makes them.
"""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from edgekit import Recipe, Store, compress, load
from tests.browser import workbench
from tests.browser.chromium import FLAGS, chromium
from tests.browser.conftest import settled
from tests.browser.server import ROOT, running

FOLDER = ROOT / ".github" / "images"
PICTURED = ["prune_channels,sparsity=0.5", "fine_tune,epochs=3", "quantize_static"]
COMPARED = [["quantize_static"], ["quantize_weights,bits=4"], PICTURED]
RECIPES = [
    *([f"quantize_weights,bits={bits},activations={kind}"] for bits in (2, 3, 5, 6) for kind in ("float", "int8")),
    *([f"prune_channels,sparsity={share}", "quantize_static"] for share in (0.2, 0.35)),
    ["prune_channels,sparsity=0.25"],
    ["prune_channels,sparsity=0.5", "fine_tune,epochs=2"],
    *COMPARED,
]
SIZE = {"width": 1360, "height": 860}


def main() -> None:
    """Measure, open, photograph."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with Store.open(home) as store:
            ids = [_measured(recipe, store) for recipe in RECIPES]
        with running(home) as app, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
            _workbench(browser, f"{app.url}/?prune=channels&sparsity=50&recovery=fine-tune&epochs=3&run={ids[-1]}")
            compared = "&".join(f"runs={id}" for id in ids[-len(COMPARED) :])
            _compare(browser, f"{app.url}/compare?{compared}")
            browser.close()


def _measured(recipe: list[str], store: Store) -> str:
    print(" → ".join(recipe), file=sys.stderr)
    return compress(load("lenet5-fashion"), Recipe.parse(recipe), store=store).id


def _workbench(browser: Browser, address: str) -> None:
    page = browser.new_page(viewport=SIZE, color_scheme="light", device_scale_factor=1.5)
    page.goto(address)
    settled(page)
    workbench.wait_for_points(page, len(RECIPES) + 1)
    expect(page.locator(".st-key-selected")).to_be_visible()
    page.wait_for_timeout(1500)
    page.screenshot(path=FOLDER / "workbench-light.png")


def _compare(browser: Browser, address: str) -> None:
    page = browser.new_page(viewport=SIZE, color_scheme="dark", device_scale_factor=1.5)
    page.goto(address)
    settled(page)
    expect(page.get_by_text("test samples are answered differently")).to_be_visible()
    while not page.get_by_text("(bits 4)").count():  # until the libraries are loaded, defaults are left out
        page.wait_for_timeout(1000)
        page.reload()
        settled(page)
    page.wait_for_timeout(1500)
    page.screenshot(path=FOLDER / "compare-dark.png")


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    main()
