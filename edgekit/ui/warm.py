"""Loads the heavy libraries behind the first page's back, so that the first measurement need not wait for them."""

import importlib
import logging
import threading

import streamlit as st

HEAVY = ("torch", "onnxruntime", "edgekit.pipeline", "edgekit.registry")


@st.cache_resource(show_spinner=False)
def warm() -> threading.Thread:
    """Start loading, once per server; pages do not wait for it, and whoever needs a library waits only for that one."""
    thread = threading.Thread(target=_load, name="warm", daemon=True)
    thread.start()
    return thread


def _load() -> None:
    for name in HEAVY:
        try:
            importlib.import_module(name)
        except ImportError:  # whoever needs it meets the same error, and tells the person
            logging.getLogger(__name__).exception("%s could not be loaded ahead of time", name)
