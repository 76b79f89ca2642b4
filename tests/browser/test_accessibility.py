"""axe-core finds no violation on any page, in the light and in the dark theme, and nothing spills over on a phone."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgekit import library
from edgekit.core.run import Status
from edgekit.data import bring
from edgekit.store.store import Store
from tests.brought import a_file
from tests.browser.conftest import still, violations
from tests.browser.server import App, running
from tests.browser.test_links import ADDRESSES
from tests.data.brought import clusters, in_a_folder, pictures, tone
from tests.factories import a_baseline, a_run, a_stopped_run

WIDEST = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def bring_everything(folder: Path) -> None:
    """Pictures, sound, a table and series of one's own, and a network."""
    x, y = clusters()
    np.savez(folder / "points.npz", x=x, y=y)
    np.savez(folder / "series.npz", x=np.random.default_rng(0).normal(size=(60, 20, 3)), y=y)
    tones = {f"{name}/{n}.wav": tone(hertz + n) for name, hertz in (("low", 200), ("high", 900)) for n in range(12)}
    paths = [folder / "points.npz", folder / "series.npz", in_a_folder(folder / "tones", tones)]
    paths.append(in_a_folder(folder / "pets", pictures({"cat": 12, "dog": 12})))
    for path in paths:
        bring.add(path)
    library.add(a_file(folder), "fashion-mnist")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app with runs of every kind in it, data of every kind, and a model."""
    folder = tmp_path_factory.mktemp("app")
    home = folder / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEKIT_HOME", str(home))
        bring_everything(folder)
    with Store.open(home) as store:
        for run in [a_baseline(), a_run(), a_run(recipe=[{"quantize_weights": {"bits": 4}}])]:
            store.save(run)
        for status in (Status.FAILED, Status.CANCELLED, Status.INTERRUPTED):
            store.save(a_stopped_run(status, "the disk is full."))
    with running(home) as started:
        yield started


@pytest.mark.parametrize("title", ADDRESSES)
def test_a_page_fits_a_phone_and_has_no_violations_in_light_and_dark(title, app, tab):
    page = still(tab(f"{app.url}/{ADDRESSES[title]}", width=390, height=844))
    assert page.evaluate(WIDEST) <= 0
    page.set_viewport_size({"width": 1280, "height": 1000})
    assert violations(page) == []


def test_a_page_that_is_still_empty_has_no_violations(tab, tmp_path):
    with running(tmp_path / "empty") as empty:
        found = {title: violations(tab(f"{empty.url}/{ADDRESSES[title]}"), "light") for title in ("Compare", "Runs")}
    assert found == {"Compare": [], "Runs": []}
