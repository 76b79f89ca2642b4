"""The presenter view: five steps over real runs, with one way on, one back and one out."""

import pytest

from edgekit.store.store import Store
from edgekit.ui.present import STEPS
from tests.factories import a_baseline, a_run, compared, measurements
from tests.pages import fine, opened

pytestmark = pytest.mark.usefixtures("own_store")
PAGE, NEXT = "pages/workbench.py", ":primary[**Next**]"


@pytest.fixture
def runs():
    """The original, a file of two bits that nothing smaller beats, and one of eight."""
    base = a_baseline()
    small = a_run(
        recipe=[{"quantize_weights": {"bits": 2}}], measurements=measurements(0.9, 120_000, 0.2), baseline=base.id,
        comparison=compared(size=0.07, difference=-0.0196),
    )  # fmt: skip
    large = a_run(baseline=base.id)
    with Store.open() as store:
        for run in (base, small, large):
            store.save(run)
    return base, small, large


def labels(app) -> list[str]:
    return [button.label for button in app.button]


def test_there_is_no_navigation_and_nothing_to_configure(runs):
    app = fine(opened(PAGE, present="1"))
    assert [title.value for title in app.title] == ["The original"]
    assert labels(app) == ["Back", "Leave", NEXT]
    assert [(button.label, button.disabled) for button in app.button][::2] == [("Back", True), (NEXT, False)]
    assert [box.label for box in app.selectbox] == ["Also on a device"], "which is the budget's"


def test_next_leads_through_all_steps_and_back_to_the_one_before(runs):
    app = opened(PAGE, present="1")
    seen = [app.title[0].value]
    for _ in range(len(STEPS) - 1):
        seen.append(fine(app.button(key="next").click().run()).title[0].value)
    assert seen == list(STEPS)
    assert app.button(key="next").disabled
    assert fine(app.button(key="back").click().run()).title[0].value == seen[-2]


def test_the_slider_stands_on_measured_files_and_what_it_is_left_on_is_the_one_to_take(runs):
    _, small, large = runs
    app = fine(opened(PAGE, present="1", step="3"))
    slider = app.select_slider[0]
    assert slider.options == ["120 kB", "441 kB", "1.73 MB"]
    assert slider.value == large.id, "the one that holds the budget of one point"
    app = fine(slider.set_value(small.id).run())
    assert dict(app.query_params)["run"] == small.id
    app = fine(app.button(key="next").click().run())
    assert app.header[0].value.startswith("Not quite\\: accuracy misses the budget")


def test_leaving_goes_to_the_workbench_with_the_file_that_was_shown(runs):
    app = opened(PAGE, present="1", step="4", run=runs[1].id)
    app = fine(app.button(key="leave").click().run())
    assert dict(app.query_params)["run"] == runs[1].id
    assert "present" not in app.query_params
    assert app.selectbox(key="model").value == "lenet5-fashion"


def test_before_anything_is_measured_it_says_what_to_do():
    app = fine(opened(PAGE, present="1"))
    assert "Nothing of this model is measured yet." in app.info[0].value
    assert labels(app) == ["Open the Workbench"]


@pytest.mark.parametrize("step", ["0", "99", "x", "", "-1", "9"])
def test_an_address_with_no_such_step_still_shows_one(runs, step):
    app = fine(opened(PAGE, present="1", step=step, model="nobody", samples="7"))
    assert app.title[0].value in STEPS
