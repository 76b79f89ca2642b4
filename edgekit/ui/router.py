"""Where the pages are, and how a link to one of them opens the whole app.

The server's very first request may be a deep link such as /runs. It then runs that page's file alone, without app.py:
no navigation, no title. The first line of every page, `ensure_router()`, notices and starts over through app.py.
"""

from pathlib import Path

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from edgekit.ui import present, state
from edgekit.ui.guard import guarded

ICON = Path(__file__).with_name("icon.svg")

PAGES = [
    ("pages/workbench.py", "Workbench", ":material/tune:"),
    ("pages/autopilot.py", "Autopilot", ":material/rocket_launch:"),
    ("pages/layers.py", "Layers", ":material/layers:"),
    ("pages/compare.py", "Compare", ":material/compare_arrows:"),
    ("pages/devices.py", "Devices", ":material/developer_board:"),
    ("pages/deploy.py", "Deploy", ":material/deployed_code:"),
    ("pages/runs.py", "Runs", ":material/history:"),
    ("pages/models_and_data.py", "Models & data", ":material/database:"),
]


def run() -> None:
    """Draw the navigation in the order a person works, then the page that the address names; or the presenter view."""
    st.set_page_config(page_title="EdgeKit", page_icon=str(ICON), layout="wide")
    state.settle()
    if not state.presenting():
        st.logo(str(ICON), size="large")
    pages = [st.Page(path, title=title, icon=icon, default=path == PAGES[0][0]) for path, title, icon in PAGES]
    page = st.navigation(pages, position="hidden" if state.presenting() else "top")
    with guarded():
        if state.presenting():
            present.draw()
        else:
            page.run()


def ensure_router() -> None:
    """Start over through app.py if this page was reached without it. The first line of every page."""
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
