"""What comes from an address is checked before it is used."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from edgekit.ui.state import DEFAULT_MODEL, LONGEST_RECIPE, model_titles, parse_recipe


def test_a_recipe_survives_the_address():
    recipe = [{"prune_channels": {"sparsity": 0.5}}, {"quantize_static": {}}]
    assert parse_recipe(json.dumps(recipe)) == recipe
    assert parse_recipe("[]") == []


@pytest.mark.parametrize(
    "text",
    ["", "{not json", "7", '{"prune_channels": {}}', '["prune_channels"]', '[{"a": {}, "b": {}}]', '[{"a": 5}]', "[[]]",
     "[" + " " * LONGEST_RECIPE + "]"],
)  # fmt: skip
def test_what_is_no_list_of_steps_is_dropped(text):
    assert parse_recipe(text) is None


def test_the_default_model_comes_first():
    assert next(iter(model_titles())) == DEFAULT_MODEL


def script():
    import streamlit as st

    from edgekit.ui import state

    state.settle()
    st.text(f"{state.selected()} {state.job()} {state.custom_recipe()}")
    if st.button("look", key="look"):
        state.select("run1")
        state.watch("job1")
        state.set_custom_recipe([{"quantize_fp16": {}}])
    if st.button("forget", key="forget"):
        state.select(None)
        state.watch(None)
        state.set_custom_recipe(None)


def test_the_view_is_written_to_the_address_and_forgotten_again():
    app = AppTest.from_function(script).run()
    assert app.text[0].value == "None None None"
    app.button(key="look").click().run()
    written = {"run": "run1", "job": "job1", "recipe": '[{"quantize_fp16":{}}]'}
    assert dict(app.query_params) == written
    app.run()
    assert app.text[0].value == "run1 job1 [{'quantize_fp16': {}}]"
    app.button(key="forget").click().run()
    assert dict(app.query_params) == {}


def test_an_address_that_was_sent_before_a_change_does_not_undo_it():
    app = AppTest.from_function(script).run()
    app.button(key="look").click().run()
    app.query_params.clear()  # as it was when the browser sent it
    app.run()
    assert app.text[0].value == "run1 job1 [{'quantize_fp16': {}}]"
    assert app.query_params["run"] == "run1"


def test_an_address_that_names_something_else_holds_after_a_change():
    app = AppTest.from_function(script).run()
    app.button(key="look").click().run()
    app.query_params["run"] = "run2"
    app.run()
    assert app.text[0].value.startswith("run2")


@pytest.mark.parametrize("value", ["../../etc/passwd", "a b", "<script>", "x" * 81, ""])
def test_an_id_that_cannot_be_one_is_dropped(value):
    app = AppTest.from_function(script)
    app.query_params["run"] = value
    app.query_params["job"] = value
    assert app.run().text[0].value == "None None None"
