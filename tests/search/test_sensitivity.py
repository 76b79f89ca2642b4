"""The table behind previews: sizes of real files, losses on validation samples, and no more than a model can do."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgekit.artifacts.export import export
from edgekit.core.errors import Cancelled
from edgekit.data.splits import load as data
from edgekit.library import load
from edgekit.pipeline import compress
from edgekit.recipe import Recipe
from edgekit.search import sensitivity
from edgekit.search.sensitivity import Sensitivity, key, measure_table, put_away, save
from edgekit.search.sliders import Sliders
from edgekit.store.store import Store

PRUNED, ZEROED = Sliders(sparsity=0.5).recipe(), Sliders(sparsity=0.5, prune="weights").recipe()
STATIC, FOUR = Sliders(bits=8).recipe(), Sliders(bits=4, activations=False).recipe()


@pytest.fixture(scope="module")
def model():
    return load("lenet5-fashion")


@pytest.fixture(scope="module")
def short():
    """Few positions, so that a table takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sensitivity, "PRUNINGS", [PRUNED, ZEROED])
        patch.setattr(sensitivity, "QUANTIZATIONS", [STATIC, FOUR])
        yield


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def table(model, short, told) -> Sensitivity:
    return measure_table(model, lambda fraction, what: told.append(fraction))


def test_every_pair_of_positions_has_its_size(table):
    halves = [key(p) for p in ([], PRUNED, ZEROED)], [key(q) for q in ([], STATIC, FOUR)]
    assert sorted(table.size_bytes) == sorted(f"{p} {q}" for p in halves[0] for q in halves[1])
    assert table.size_bytes[f"{key(PRUNED)} {key(STATIC)}"] < table.size_bytes[f"[] {key(STATIC)}"]


def test_sizes_are_those_of_the_files_that_the_pipeline_makes(table, model, tmp_path):
    with Store.open(tmp_path) as store:
        for pruning, quantization in (([], STATIC), (PRUNED, []), (ZEROED, FOUR)):
            run = compress(model, Recipe.parse(pruning + quantization), store=store, samples=50)
            assert table.size_bytes[f"{key(pruning)} {key(quantization)}"] == run.artifact.bytes


def test_the_table_says_what_it_measures_and_on_what(table, model):
    assert (table.metric, table.samples) == ("accuracy", len(data(model.data).validation))
    assert 0.9 < table.quality["[]"] < 0.95
    assert table.quality["[]"] > table.quality[key(PRUNED)]
    assert 0 < table.macs_left[key(PRUNED)]["conv2"] < 0.5
    assert table.macs_left["[]"] == table.macs_left[key(ZEROED)] == {}
    assert 0 <= table.logit_error < 1


def test_progress_climbs_to_the_end(table, told):
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_graph_without_a_network_gets_what_it_can_do(model, short):
    graph = export(model.network, np.zeros((1, *model.input_shape), np.float32))
    alone = replace(model, network=None, graph=graph, why_no_network="it came as a file")
    found = measure_table(alone)
    assert sorted(found.quality) == sorted(["[]", key(STATIC), key(FOUR)])
    assert sorted(found.size_bytes) == sorted(f"[] {key(q)}" for q in ([], STATIC, FOUR))


def test_cancel_stops_it(model, short):
    def stop(fraction, what):
        raise Cancelled

    with pytest.raises(Cancelled):
        measure_table(model, stop)


def test_a_sample_keeps_its_table_beside_its_card_and_an_upload_in_the_store(table, tmp_path, monkeypatch):
    monkeypatch.setattr(sensitivity, "sample_models", lambda: tmp_path / "samples")
    (tmp_path / "samples" / "a-sample").mkdir(parents=True)
    with Store.open(tmp_path / "home") as store:
        where = put_away(table, "a-sample", store)
        assert where == str(tmp_path / "samples" / "a-sample" / "sensitivity.json")
        assert Sensitivity.model_validate_json(Path(where).read_text()) == table
        assert put_away(table, "an-upload", store) == "the store"
        assert sensitivity.known_table("an-upload", table.model_sha256, store) == table


def test_saving_writes_the_file_that_comes_with_a_model(table, tmp_path):
    save(table, tmp_path / "sensitivity.json")
    assert Sensitivity.model_validate_json((tmp_path / "sensitivity.json").read_text()) == table
