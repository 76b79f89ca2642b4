"""The model card: the hub's own reader understands its head, and its body says what the run measured."""

import pytest
from huggingface_hub import ModelCard

from edgekit.report.model_card import model_card
from tests.factories import a_baseline, a_run

pytestmark = pytest.mark.usefixtures("own_store")


def test_the_hub_reads_the_results_with_their_data():
    data = ModelCard(model_card(a_run())).data
    assert (data.license, data.library_name, data.pipeline_tag) == ("mit", "onnx", "image-classification")
    assert data.tags == ["onnx", "onnxruntime", "edgekit", "quantize-static"]
    found = {one.metric_type: one for one in data.eval_results}
    assert found["accuracy"].metric_value == pytest.approx(0.9177)
    assert found["accuracy"].metric_args["low"] == pytest.approx(0.912314, abs=1e-6)
    assert (found["accuracy"].dataset_type, found["accuracy"].dataset_split) == ("fashion-mnist", "test")
    assert found["size_bytes"].metric_value == 441_000
    assert {"latency_ms", "peak_memory_bytes", "shipped_bytes"} <= set(found)
    assert data.model_name == "LeNet-5: Quantize static"


def test_the_body_tells_people_what_it_costs_and_how_to_run_it():
    text = ModelCard(model_card(a_run())).text
    assert text.lstrip().startswith("# LeNet-5 on Fashion-MNIST: Quantize static\n")
    assert "| Accuracy | 92.0 % | 91.8 % | 91.2 to 92.3 % | measured: 10,000 test samples, Wilson interval |" in text
    assert "with 95 % certainty the true change lies between −0.34 and −0.04 points" in text
    assert 'session = ort.InferenceSession("lenet5-fashion-quantize\\_static' not in text, "code is left as it is"
    assert "ort.InferenceSession(" in text


def test_a_name_that_looks_like_markup_stays_text():
    card = ModelCard(model_card(a_run(name="# *Best* <script> | `x`: [y](http://z) $")))
    assert card.data.model_name.endswith("# *Best* <script> | `x`: [y](http://z) $")
    assert r"\# \*Best\* \<script\> \| \`x\`: \[y\](http://z) \$" in card.text


@pytest.mark.parametrize(("model", "licence"), [("mine-1a2b3c4d", "unknown"), ("mobilenetv2-cifar10", "other")])
def test_a_licence_that_the_hub_has_no_word_for_is_said_to_be_so(model, licence):
    assert ModelCard(model_card(a_run(model=model))).data.license == licence


def test_the_original_has_a_card_too():
    assert "It is the original, exported to ONNX." in model_card(a_baseline())
