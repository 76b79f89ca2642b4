"""Loads the heavy libraries behind the first page's back, so that the first measurement need not wait for them."""

import importlib
import logging
import threading

import streamlit as st

from edgekit.core.memory import set_aside, share_heaps

HEAVY = ("torch", "onnxruntime", "edgekit.pipeline")


@st.cache_resource(show_spinner=False)
def warm() -> threading.Thread:
    """Start loading, once per server; pages do not wait for it, and whoever needs a library waits only for that one."""
    share_heaps()
    thread = threading.Thread(target=_load, name="warm", daemon=True)
    thread.start()
    return thread


def _load() -> None:
    try:
        for name in HEAVY:
            importlib.import_module(name)
        importlib.import_module("edgekit.registry").techniques()
        importlib.import_module("edgekit.measure.child").stand_by()
        set_aside()
    except ImportError:  # whoever needs the library meets the same error, and tells the person
        logging.getLogger(__name__).exception("a library could not be loaded ahead of time")
