"""What techniques may ask of a network that they try: answered from the file that it would make."""

import dataclasses

import pytest

from edgekit.data.splits import load
from edgekit.measure.candidates import Candidates
from edgekit.models import samples


@pytest.fixture(scope="module")
def candidates() -> Candidates:
    model = samples.load("lenet5-fashion")
    return Candidates(model, load(model.data).validation.take(200))


def test_a_network_and_its_graph_get_the_same_answers(candidates: Candidates):
    network = candidates.model.network
    graph = candidates.export(network)
    assert candidates.score(network) == candidates.score(graph)
    assert candidates.cost_of(network) == candidates.cost_of(graph)


def test_the_score_is_the_share_of_right_answers_on_validation_samples(candidates: Candidates):
    few = Candidates(candidates.model, candidates.validation.take(10))
    shifted = dataclasses.replace(few.validation, labels=(few.validation.labels + 1) % 10)
    wrong = Candidates(candidates.model, shifted)
    assert 0.8 <= few.score(few.model.network) <= 1
    assert few.score(few.model.network) + wrong.score(wrong.model.network) <= 1


def test_the_cost_of_lenet5_is_what_its_layers_add_up_to(candidates: Candidates):
    found = candidates.cost_of(candidates.model.network)
    assert found["params"] == 20 * 25 + 20 + 50 * 20 * 25 + 50 + 800 * 500 + 500 + 500 * 10 + 10
    assert found["macs"] == 24 * 24 * 20 * 25 + 8 * 8 * 50 * 20 * 25 + 800 * 500 + 500 * 10
    assert found["size_bytes"] > 4 * found["params"]


def test_the_latency_is_a_time(candidates: Candidates):
    assert 0 < candidates.latency_of(candidates.model.network) < 1000
