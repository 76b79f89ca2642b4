"""Opens a page of the app in Streamlit's AppTest, as a server does that has been running for a while.

AppTest starts every drawing as a server's very first request, which `ensure_router` answers by drawing anew; a click
would be lost between the two. Here the class that AppTest resets is one of its own, so the server stays warm. What a
cold server does is tested in `tests/browser/test_links.py`. Nor does it look through all packages on the machine for
components of pages, which AppTest does for every app anew, and which takes as long as to draw one of our pages.
"""

from pathlib import Path

from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest, app_test

APP = Path(__file__).resolve().parents[1] / "app.py"
SECONDS = 60


class _Warm(PagesManager):
    """Takes the reset that is meant for PagesManager."""


class _OfNoPackage(BidiComponentManager):
    """Knows no components but Streamlit's own, as the app uses no other."""

    def discover_and_register_components(self, *, start_file_watching: bool = True) -> None:
        pass


app_test.PagesManager = _Warm
app_test.BidiComponentManager = _OfNoPackage
PagesManager.uses_pages_directory = False


def opened(page: str, **query: str | list[str]) -> AppTest:
    """The app with this page open, such as "pages/runs.py", and these words in its address."""
    app = AppTest.from_file(str(APP), default_timeout=SECONDS)
    for name, value in query.items():
        app.query_params[name] = value
    return app.switch_page(page).run()


def fine(app: AppTest) -> AppTest:
    """Neither a traceback nor a message that something broke."""
    assert [e.message for e in app.exception] == []
    assert [e.value for e in app.error] == []
    return app
