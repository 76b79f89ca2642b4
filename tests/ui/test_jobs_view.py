"""A job's end reaches the whole page, once, also when it comes while the page is being drawn."""

from streamlit.testing.v1 import AppTest


def a_page_whose_job_ends_while_it_is_drawn():
    import time

    import streamlit as st

    from edgekit.jobs.jobs import jobs
    from edgekit.ui.jobs_view import job_panel

    ends = st.session_state.setdefault("ends", [])
    st.text(f"ends: {len(ends)}")
    if "job" not in st.session_state:
        st.session_state.job = jobs().submit("Adding", lambda progress: None, session="here").id
        while jobs().get(st.session_state.job).active:
            time.sleep(0.01)
    job_panel(st.session_state.job, on_end=lambda job: ends.append(job.status))


def test_what_stands_above_a_panel_is_drawn_anew_when_the_job_has_ended_before_it():
    app = AppTest.from_function(a_page_whose_job_ends_while_it_is_drawn, default_timeout=30).run()
    assert [text.value for text in app.text] == ["ends: 1"]
    assert [text.value for text in app.run().text] == ["ends: 1"]
