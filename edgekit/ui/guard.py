"""What a person sees when something goes wrong: a sentence that says what to do, never a traceback."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from edgekit.core.errors import EdgeKitError

log = logging.getLogger(__name__)


@contextmanager
def guarded() -> Iterator[None]:
    """Show an EdgeKitError as it stands; log anything else and say so."""
    try:
        yield
    except EdgeKitError as error:
        st.error(str(error), title="This did not work", icon=":material/error:")
    except Exception as error:
        log.exception("a page broke")
        st.error(
            f"Something broke inside EdgeKit ({type(error).__name__}). The log of the server says where. "
            "Reload the page; if it breaks again, please report it with that part of the log.",
            title="This page could not be drawn",
            icon=":material/error:",
        )
