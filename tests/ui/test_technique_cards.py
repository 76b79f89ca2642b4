"""What the list of techniques says: by family, what each will not do, and what this network cannot take."""

from edgekit.core.model import Model
from edgekit.core.technique import FAMILIES, Fact
from edgekit.models import samples
from edgekit.registry import techniques
from edgekit.ui import technique_cards
from tests.ui.test_workbench import fine, workbench


def test_a_step_is_chosen_from_a_list_by_family(own_store):
    app = workbench(recipe="[]")
    app.button(key="add_step").click().run()
    shown = [one.value for one in app.markdown]
    families = [f"**{family}**" for family in FAMILIES if f"**{family}**" in shown]
    assert len(families) >= 5
    assert [text for text in shown if text in families] == families, "in the order of a recipe"
    assert any(techniques()["quantize_fp16"].effect in text for text in shown)
    fine(app.button(key="add-quantize_fp16").click().run())
    assert app.query_params["recipe"] == '[{"quantize_fp16":{}}]'


def test_what_a_network_cannot_take_is_not_offered_and_the_list_says_why(own_store):
    app = workbench(recipe="[]")
    app.button(key="add_step").click().run()
    assert "add-prune_heads" not in [button.key for button in app.button]
    told = " ".join(one.value for one in app.markdown)
    assert "**Not for LeNet-5**" in told
    assert "needs attention layers with separate query, key and value projections" in told


def test_a_model_without_a_network_lacks_it_for_all_that_trains():
    model = samples.load("lenet5-fashion")
    facts = Model(**vars(model) | {"network": None, "graph": object()}).facts()
    assert Fact.NETWORK in technique_cards.missing(techniques()["fine_tune"], facts)
    assert technique_cards.missing(techniques()["quantize_fp16"], facts) == []


def test_the_card_of_a_step_stands_beside_its_form(own_store):
    app = workbench(recipe='[{"fine_tune":{}}]')
    told = " ".join(one.value for one in app.markdown)
    assert "**Costs:** training time" in told
    assert "**When it fails:** with a learning rate so high" in told
