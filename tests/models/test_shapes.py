"""Networks of which only the shape is here have the published sizes, random weights by a seed, and no accuracy."""

import numpy as np
import pytest
import torch

from edgekit import library
from edgekit.core.errors import ModelError
from edgekit.core.technique import Fact
from edgekit.data import download, splits
from edgekit.data.catalog import entries, entry
from edgekit.models import card as card_of
from edgekit.models import samples
from edgekit.models.architectures import SHAPES, build, multiply_accumulates, parameters
from edgekit.models.architectures.bert import Bert
from edgekit.models.architectures.transformer_big import Transformer, waves
from edgekit.models.architectures.yolov5 import YoloV5
from edgekit.models.plan import SHAPES as PLANS
from edgekit.models.remake import build as build_on_request

NAMES = [name for name, card in samples.cards().items() if card.shape_only]


def test_the_shapes_are_these_and_each_has_its_plan_and_its_architecture():
    assert set(NAMES) == set(PLANS)
    assert {plan.architecture for plan in PLANS.values()} == set(SHAPES)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("bert-base", 109_482_240),  # published: 110 M; as its authors' checkpoint has them
        # Shared vectors; 18 attentions of 4 · (d² + d), 12 feed-forward parts, 30 normalisations. Published: 213 M.
        (
            "transformer-big",
            37_000 * 1024 + 18 * 4 * (1024**2 + 1024) + 12 * (2 * 1024 * 4096 + 5 * 1024) + 30 * 2 * 1024,
        ),
        ("yolov5s", 7_235_389),  # published: 7.2 M
    ],
)
def test_the_parameters_are_the_published_ones(name, params):
    shape = PLANS[name]
    with torch.device("meta"):  # nothing is drawn: the largest would take 860 MB
        network = build(shape.architecture, shape.outputs, shape.preprocessing.shape(entry(shape.data).shape))
    assert parameters(network) == params == samples.card(name).params


def test_yolov5s_takes_the_published_16_5_billion_operations_at_640_pixels():
    small = multiply_accumulates(YoloV5(), (3, 64, 64))  # convolutions only: what they take grows with the area
    assert 2 * 100 * small == pytest.approx(16.5e9, rel=0.005)
    assert 100 * small == pytest.approx(samples.card("yolov5s").macs, rel=1e-9)


def test_a_small_yolov5_answers_at_every_place_of_three_maps():
    network = YoloV5(classes=4, widths=(8, 8, 16, 16, 32)).eval()
    with torch.no_grad():
        assert network(torch.zeros(2, 3, 64, 96)).shape == (2, 3 * 9, 8 * 12 + 4 * 6 + 2 * 3)


def test_a_small_bert_looks_at_nothing_behind_the_end():
    network = Bert(6, pieces=50, dim=12, depth=2, num_heads=3, hidden=24).eval()
    ids = torch.tensor([[5, 7, 9, 0, 0, 0]])
    with torch.no_grad():
        found = network(ids)
        shorter = Bert(3, pieces=50, dim=12, depth=2, num_heads=3, hidden=24).eval()
        shorter.load_state_dict(network.state_dict())
        torch.testing.assert_close(shorter(ids[:, :3]), found)
    assert found.shape == (1, 12)


def test_a_small_transformer_writes_without_looking_ahead():
    network = Transformer(4, pieces=30, dim=8, depth=2, num_heads=2, hidden=16).eval()
    ids = torch.randint(30, (1, 8), generator=torch.Generator().manual_seed(0))
    ahead, source = ids.clone(), ids.clone()
    ahead[0, -1], source[0, 0] = (ids[0, -1] + 1) % 30, (ids[0, 0] + 1) % 30
    with torch.no_grad():
        found, later, other = (network(one) for one in (ids, ahead, source))
    assert found.shape == (1, 4, 30)
    torch.testing.assert_close(found[0, :-1], later[0, :-1])
    assert not torch.allclose(found[0, -1], later[0, -1])
    assert not torch.allclose(found[0, 0], other[0, 0])
    assert network.head.weight is network.words.weight


def test_the_positions_are_sines_and_cosines_of_falling_speed():
    assert waves(3, 4)[2].tolist() == pytest.approx([np.sin(2), np.cos(2), np.sin(0.02), np.cos(0.02)], abs=1e-6)


def test_a_shape_opens_without_a_file_and_is_the_same_each_time(home, tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path))
    before = torch.get_rng_state()
    model = library.load("yolov5s")
    assert torch.equal(before, torch.get_rng_state())
    samples._drawn.cache_clear()
    again = library.load("yolov5s")
    assert all(map(torch.equal, model.network.parameters(), again.network.parameters()))
    assert (model.input_shape, model.sha256) == ((3, 640, 640), samples.card("yolov5s").sha256)
    assert Fact.TRAINING_DATA not in model.facts()
    assert Fact.CALIBRATION_DATA in model.facts()


@pytest.mark.parametrize("name", NAMES)
def test_a_shape_is_here_on_every_machine_and_says_nothing_of_accuracy(name):
    assert samples.is_here(name)
    assert samples.card(name).quality is None
    assert download.status(samples.card(name).data).present
    with pytest.raises(ModelError, match="comes with EdgeKit, so there is nothing to build"):
        build_on_request(name)


@pytest.mark.parametrize("name", NAMES)
def test_its_data_are_random_numbers_that_are_no_data_set_of_the_catalog(name, tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path))
    about = entry(samples.card(name).data)
    found = splits.load(about.id)
    assert about.id not in entries()
    assert about.synthetic
    assert (len(found.training), len(found.evaluation)) == (about.training - about.validation, about.evaluation)
    assert found.evaluation.raw.shape[1:] == about.shape
    assert 0.99 * about.drawn < found.evaluation.raw.max() < about.drawn
    assert not np.array_equal(found.evaluation.raw[0], found.training.raw[0])
    inputs = samples.card(name).preprocessing(found.evaluation.raw[:1])
    assert inputs.dtype == (np.float32 if name == "yolov5s" else np.int64)


def test_the_card_command_counts_a_shape(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(card_of.files, "sample_models", lambda: tmp_path)
    assert card_of.main(["yolov5s"]) == 0
    assert capsys.readouterr().out == "yolov5s: shape only, 7,235,389 parameters\n"
    written = samples.card("yolov5s")
    monkeypatch.undo()
    assert written == samples.card("yolov5s")
