"""A model that is not built yet: its card and the Workbench say so, how long it takes, and offer to build it."""

import pytest

from edgekit.jobs.jobs import jobs
from edgekit.models import samples
from tests.models.requested import a_large_model
from tests.pages import fine, opened

HOW = (
    "Its weights take 92.0 MB, too much to come with EdgeKit, so they are trained here when they are asked for: about "
)


@pytest.fixture
def large(home, tmp_path, monkeypatch) -> str:
    """The id of such a model."""
    return a_large_model(tmp_path, monkeypatch)


@pytest.mark.parametrize("page", ["models_and_data", "workbench"])
def test_a_page_offers_to_build_what_is_not_built(large, own_store, page):
    app = fine(opened(f"pages/{page}.py", model=large))
    assert "Build Large" in {button.label for button in app.button}
    assert any(line.value.startswith(HOW) and line.value.endswith("on a fast one.") for line in app.markdown)
    assert not samples.is_here(large)


def test_the_button_starts_a_job(large, own_store):
    app = fine(opened("pages/models_and_data.py"))
    fine(app.button(key="build-large").click().run())
    assert jobs().get(app.session_state["build-large-job"]).title == "Building Large"
