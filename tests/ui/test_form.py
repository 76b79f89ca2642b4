"""A form asks for every knob of a technique, and hands back only what differs from the defaults."""

import pytest
from streamlit.testing.v1 import AppTest


def script(values):
    from typing import Annotated, Literal

    import streamlit as st
    from pydantic import BaseModel, Field

    from edgekit.core.errors import EdgeKitError
    from edgekit.core.knobs import Knob, knobs
    from edgekit.ui.form import form

    class Settings(BaseModel):
        sparsity: Annotated[float, Knob(unit="share", step=0.05, help="How much.")] = Field(0.5, ge=0, le=0.95)
        round_to: Annotated[int, Knob(unit="channels", help="A multiple.")] = Field(8, ge=1, le=64)
        learning_rate: Annotated[float, Knob(log=True, help="How fast.")] = Field(0.01, ge=1e-6, le=1)
        scope: Annotated[Literal["global", "per layer"], Knob(help="Where.")] = "global"
        method: Annotated[Literal["a", "b", "c", "d", "e"], Knob(help="Which.")] = "a"
        symmetric: Annotated[bool, Knob(help="Whether.")] = True
        limit: Annotated[int | None, Knob(help="No limit if empty.")] = None
        skip: Annotated[list[str], Knob(help="What not.", advanced=True)] = Field(default_factory=list)
        layers: Annotated[dict[str, dict], Knob(help="Where else.", advanced=True)] = Field(default_factory=dict)

    try:
        st.json(form(knobs(Settings), values, "s"))
    except EdgeKitError as error:
        st.error(str(error))


def drawn(values=None) -> AppTest:
    return AppTest.from_function(script, args=(values or {},)).run()


def chosen(app: AppTest) -> str:
    return app.json[0].value


def test_a_form_left_alone_chooses_nothing():
    app = drawn()
    assert not app.exception
    assert chosen(app) == "{}"


def test_a_widget_fits_its_knob():
    app = drawn()
    assert app.slider(key="s-sparsity").value == 0.5
    assert (app.slider(key="s-round_to").min, app.slider(key="s-round_to").max) == (1, 64)
    assert app.number_input(key="s-learning_rate").value == 0.01
    assert app.number_input(key="s-limit").value is None
    assert app.get_by_key("s-scope").value == "global"
    assert app.selectbox(key="s-method").options == ["a", "b", "c", "d", "e"]
    assert app.toggle(key="s-symmetric").value is True
    assert app.slider(key="s-round_to").label == "Round to (channels)"
    assert app.slider(key="s-sparsity").help == "How much."


def test_what_is_set_differs_from_the_default_and_comes_back():
    app = drawn()
    app.slider(key="s-sparsity").set_value(0.3)
    app.toggle(key="s-symmetric").set_value(False)
    app.text_input(key="s-skip").set_value("fc2, conv*")
    app.text_area(key="s-layers").set_value("fc1: {sparsity: 0.2}")
    app.run()
    assert chosen(app) == (
        '{"sparsity": 0.3, "symmetric": false, "skip": ["fc2", "conv*"], "layers": {"fc1": {"sparsity": 0.2}}}'
    )


def test_a_form_opens_on_the_values_it_is_given():
    app = drawn({"sparsity": 0.8, "scope": "per layer", "skip": ["fc2"], "layers": {"fc1": {"sparsity": 0.2}}})
    assert app.slider(key="s-sparsity").value == 0.8
    assert app.get_by_key("s-scope").value == "per layer"
    assert app.text_input(key="s-skip").value == "fc2"
    assert '"layers": {"fc1": {"sparsity": 0.2}}' in chosen(app)


@pytest.mark.parametrize("text", ["fc1", "fc1: 0.2", "[fc1]", "fc1: {sparsity"])
def test_a_per_layer_field_that_is_no_mapping_is_refused_in_full(text):
    app = drawn()
    app.text_area(key="s-layers").set_value(text).run()
    assert [error.value for error in app.error] == [
        f"Layers must map layer name patterns to settings, one a line, such as 'conv1: {{sparsity: 0.2}}', not {text!r}"
    ]
