"""A page with nothing on it yet: what to do, and one button that does it."""

import streamlit as st


def empty(icon: str, title: str, what_to_do: str, page: str, button: str) -> None:
    """Say what this page will show and offer the way there.

    Args:
        icon: ":material/…:".
        page: the file of the page that the button opens.
    """
    with st.container(border=True, horizontal_alignment="center", key="empty"):
        st.space("small")
        st.header(title, icon=icon, anchor=False, text_alignment="center", width="content")
        st.markdown(what_to_do, text_alignment="center", width="content")
        if st.button(button, key="empty_go"):
            st.switch_page(page)
        st.space("small")
