"""What each layer can bear: the same as compressing that layer alone and scoring its file, kept while it grows."""

import json

import numpy as np
import pytest

from edgekit.artifacts.write import write
from edgekit.core.errors import Cancelled, SettingError
from edgekit.core.host import this_host
from edgekit.data.feed import bench
from edgekit.data.splits import load as data
from edgekit.library import load
from edgekit.measure.candidates import Candidates
from edgekit.measure.outputs import outputs
from edgekit.recipe import Recipe
from edgekit.search import layer_sensitivity
from edgekit.search.layer_choices import AXES, Axis, recipe
from edgekit.search.layer_sensitivity import chosen_samples, known_table, measure_layers, printed
from edgekit.store.store import Store

FEW = 200
SHORT = [
    Axis("bits", "Bits", "Bits", "quantize_weights", "bits", (8, 2), percent=False),
    Axis("weights", "Zeros", "Zeros", "prune_weights", "sparsity", (0.9,)),
    Axis("channels", "Channels", "Channels", "prune_channels", "sparsity", (0.1, 0.5)),
    Axis("rank", "Rank", "Rank", "factorize", "keep", (0.1,)),
]


@pytest.fixture(scope="module")
def model():
    return load("lenet5-fashion")


@pytest.fixture
def short(monkeypatch):
    """Axes of few values, so that a table takes seconds."""
    monkeypatch.setattr(layer_sensitivity, "AXES", {axis.id: axis for axis in SHORT})


@pytest.fixture(scope="module")
def table(model, tmp_path_factory):
    """A whole short table of LeNet-5."""
    with pytest.MonkeyPatch.context() as patch, Store.open(tmp_path_factory.mktemp("store")) as store:
        patch.setattr(layer_sensitivity, "AXES", {axis.id: axis for axis in SHORT})
        yield measure_layers(model, store, chosen_samples(model.data, FEW))


def scored(model, steps, folder) -> float:
    """What a recipe's file scores on the same samples."""
    samples, dataset = chosen_samples(model.data, FEW), data(model.data)
    tools = bench(model, dataset, host=this_host(), candidates=Candidates(model, dataset.validation))
    state = Recipe.parse(steps).apply(model, tools)
    file = write(state.graph, state.encodings, folder, "", None)
    return float(model.task.scores(outputs(file.path, samples, model.preprocessing), samples.labels).mean())


@pytest.mark.parametrize(
    ("axis", "layer", "value"),
    [
        ("bits", "fc1", 2),
        ("bits", "conv1", 2),
        ("weights", "conv2", 0.9),
        ("channels", "conv2", 0.5),
        ("rank", "fc1", 0.1),
    ],
)
def test_a_cell_is_what_the_file_with_that_layer_compressed_scores(axis, layer, value, table, model, tmp_path):
    place = next(one for one in SHORT if one.id == axis).values.index(value)
    found = table.cells[axis][layer][place]
    steps = recipe({axis: {layer: value}}, list(table.layers))
    assert found.lost == pytest.approx(table.quality - scored(model, steps, tmp_path), abs=1e-9)
    assert found.low <= found.lost <= found.high


def test_the_table_knows_the_network(table, model, tmp_path):
    assert table.layers == {"conv1": 500, "conv2": 25_000, "fc1": 400_000, "fc2": 5_000}
    assert table.quality == pytest.approx(scored(model, [], tmp_path))
    assert (table.metric, table.samples, table.without) == ("accuracy", FEW, {})
    assert list(table.cells["channels"]) == ["conv1", "conv2", "fc1"], "the last layer keeps its outputs"


def test_eight_bits_lose_next_to_nothing_and_two_bits_of_the_first_layer_more(table):
    assert all(abs(row[0].lost) <= 0.01 for row in table.cells["bits"].values())
    assert table.cells["weights"]["conv2"][0].lost > 0.01


def test_where_nothing_would_change_there_is_no_cell(table):
    assert table.cells["channels"]["conv1"][0] is None, "a tenth of 20 channels, in multiples of 8, is none"
    assert table.cells["channels"]["conv1"][1] is not None


def test_what_was_measured_is_not_measured_again(model, short, tmp_path, monkeypatch):
    samples = chosen_samples(model.data, 50)
    with Store.open(tmp_path) as store:
        first = measure_layers(model, store, samples, ["bits"])
        monkeypatch.setattr(layer_sensitivity._Work, "_row", None)
        assert measure_layers(model, store, samples, ["bits"]) == first == known_table(model.sha256, samples, store)
        assert known_table(model.sha256, chosen_samples(model.data, 60), store) is None
        assert known_table("0" * 64, samples, store) is None


def test_cancelled_it_goes_on_where_it_stopped(model, short, tmp_path):
    samples, told = chosen_samples(model.data, 50), []

    def stop_at_the_second_layer(fraction, what):
        told.append(fraction)
        if what.startswith("conv2"):
            raise Cancelled

    with Store.open(tmp_path) as store:
        with pytest.raises(Cancelled):
            measure_layers(model, store, samples, ["weights"], stop_at_the_second_layer)
        half = known_table(model.sha256, samples, store)
        assert (list(half.cells["weights"]), half.done) == (["conv1"], [])
        told = []
        whole = measure_layers(model, store, samples, ["weights"], lambda fraction, what: told.append(fraction))
    assert (list(whole.cells["weights"]), whole.done) == (["conv1", "conv2", "fc1", "fc2"], ["weights"])
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_an_axis_that_does_not_exist_is_refused(model, tmp_path):
    with Store.open(tmp_path) as store, pytest.raises(SettingError) as refused:
        measure_layers(model, store, chosen_samples(model.data, 50), ["bit"])
    assert str(refused.value) == "no axis 'bit'. Did you mean 'bits'?"


def test_a_graph_without_a_network_has_bits_and_says_why_it_has_no_more(model, short, tmp_path):
    from dataclasses import replace

    from edgekit.artifacts.export import export

    graph = export(model.network, np.zeros((1, *model.input_shape), np.float32))
    alone = replace(model, network=None, graph=graph, sha256="1" * 64, why_no_network="it came as a file")
    with Store.open(tmp_path) as store:
        found = measure_layers(alone, store, chosen_samples(model.data, 50))
    assert list(found.cells) == ["bits"]
    assert sorted(found.without) == ["channels", "rank", "weights"]
    assert "needs a trainable PyTorch network" in found.without["rank"]


def test_a_layer_that_shares_channels_gets_what_the_others_get(table):
    tied = table.model_copy(update={"tied": [["stem", "conv2"]]})
    assert tied.together("channels", "conv2") == ["stem", "conv2"]
    assert tied.together("bits", "conv2") == ["conv2"]


def test_the_table_is_printed_and_read_back(table):
    lines = printed(table)
    assert "2 bits" in "".join(lines)
    assert json.loads(table.model_dump_json())["cells"]["bits"]["fc1"][0]["lost"] == table.cells["bits"]["fc1"][0].lost
    assert set(AXES) == {axis.id for axis in SHORT}
