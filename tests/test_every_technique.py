"""The contract of every technique: whatever file is added to edgekit/techniques/ is held to all of this.

Three small real networks (LeNet-5 as it comes with EdgeKit, a residual network with batch normalisation and a vision
transformer that were trained for a moment) and real images; each technique is tried with its defaults and with every
value of every choice. What holds for settings and cards is in test_every_technique_settings.py.
"""

import dataclasses
import random
from collections.abc import Callable

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from edgekit.artifacts.write import write
from edgekit.core.bench import Bench
from edgekit.core.errors import Cancelled, ModelError, NothingToDo
from edgekit.core.host import this_host
from edgekit.core.knobs import knobs
from edgekit.core.model import Model
from edgekit.core.technique import Fact, Technique
from edgekit.data import feed, splits
from edgekit.measure.candidates import Candidates
from edgekit.models import samples
from edgekit.models.architectures.resnet import ResNet
from edgekit.models.architectures.vit import VisionTransformer
from edgekit.models.training import Schedule, fit
from edgekit.prefixes import Known, Prefixes
from edgekit.recipe import Compressed, Recipe
from edgekit.registry import techniques
from edgekit.techniques._once import forget

ALL = list(techniques().values())
IMAGES = 32
TRANSFORMER = "small-vit"


def name_of(value) -> str:
    """How a parameter of a test is called in its name."""
    if isinstance(value, type):
        return value.id()
    return ",".join([value.id(), *(f"{name}={one}" for name, one in value.settings().items())])


def small(technique: type[Technique], **values) -> Technique:
    """The technique with its defaults and these settings, but with as little training and searching as it allows."""
    least = {view.name: int(view.low) for view in knobs(technique) if view.name in ("epochs", "rounds", "trials")}
    return technique(**{name: max(one, 1) for name, one in least.items() if technique().__dict__[name]} | values)


def choices(technique: type[Technique]) -> list[Technique]:
    """The technique with its defaults, and once with each other value of each knob that is a choice or a switch."""
    tried = [small(technique)]
    for view in knobs(technique):
        values = {"choice": view.choices, "bool": (True, False)}.get(view.kind, ())
        tried += [small(technique, **{view.name: value}) for value in values if value != view.default]
    return tried


# The export folds what this would fold; the tests of that technique give it something to do.
NOTHING_HERE = ("fuse_operators,level=basic",)
CASES = [case for technique in ALL for case in choices(technique) if Fact.COLOUR not in case.needs]  # grey images here
CASES = [case for case in CASES if name_of(case) not in NOTHING_HERE]


@pytest.fixture(scope="module")
def data() -> splits.Dataset:
    """Fashion-MNIST, with few enough training samples that an epoch takes a moment."""
    whole = splits.load("fashion-mnist")
    return dataclasses.replace(whole, training=whole.training.take(128))


@pytest.fixture(scope="module")
def lenet() -> Model:
    return samples.load("lenet5-fashion")


@pytest.fixture(scope="module")
def resnet(lenet: Model, data: splits.Dataset) -> Model:
    """A ResNet-8 for grey images, trained for a few steps so that its normalisation has seen real activations."""
    network = trained_for_a_moment(lambda: ResNet(1, channels=1), lenet, data)
    return dataclasses.replace(lenet, id="small-resnet", title="Small ResNet", sha256="0" * 64, network=network)


@pytest.fixture(scope="module")
def vit(lenet: Model, data: splits.Dataset) -> Model:
    """A vision transformer of two blocks for grey images, trained for a few steps."""
    sizes = {"size": 28, "patch": 7, "dim": 32, "depth": 2, "num_heads": 4, "hidden": 64}
    network = trained_for_a_moment(lambda: VisionTransformer(channels=1, **sizes), lenet, data)
    return dataclasses.replace(lenet, id=TRANSFORMER, title="Small ViT", sha256="1" * 64, network=network)


def trained_for_a_moment(build: Callable[[], nn.Module], model: Model, data: splits.Dataset) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build()
    return fit(
        network,
        lambda epoch: feed.batches(data.training, model.preprocessing, 32, epoch, shift=1),
        Schedule(epochs=2, learning_rate=0.05, batches_per_epoch=4),
        model.task,
    )[0]


@pytest.fixture(scope="module")
def images(lenet: Model, data: splits.Dataset) -> np.ndarray:
    """Inputs that no technique gets to see, (IMAGES, 1, 28, 28)."""
    return lenet.preprocessing(data.validation.take(IMAGES).raw)


@pytest.fixture(scope="module")
def bench(lenet: Model, data: splits.Dataset, images: np.ndarray) -> Bench:
    """Everything a technique may use; its score is on few samples, and its clock counts, as measured times waver."""
    candidates = Candidates(lenet, data.validation.take(IMAGES))
    whole = feed.bench(lenet, data, host=this_host(), candidates=candidates)
    return dataclasses.replace(whole, latency_of=lambda candidate: whole.cost_of(candidate)["size_bytes"] / 1e6)


@pytest.fixture(scope="module")
def models(lenet: Model, vit: Model, resnet: Model) -> list[Model]:
    return [lenet, vit, resnet]


def those_it_works_on(models: list[Model], *steps: Technique) -> list[Model]:
    """The models on which these steps can be tried; most techniques work on the last, some on no other but one."""
    return [model for model in models if not Recipe(steps).problems(model)]


def run_network(network: nn.Module, images: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return network.eval()(torch.from_numpy(images)).numpy()


def run_graph(graph, images: np.ndarray) -> np.ndarray:
    """The answers of a plain session with default options; `graph` is a path or a graph."""
    source = graph if isinstance(graph, str) else graph.SerializeToString()
    return onnxruntime.InferenceSession(source).run(None, {"input": images})[0]


def apply(step: Technique, model: Model, bench: Bench) -> Compressed | None:
    """What the step makes of the model; None where it says that there is nothing to do."""
    try:
        return Recipe((step,)).apply(model, bench)
    except NothingToDo:
        return None
    except ModelError:
        if model.id != TRANSFORMER:  # steps for images may refuse a network of tokens, in words
            raise
        return None


@pytest.fixture(scope="module")
def applied(models: list[Model], bench: Bench):
    """For a step: the models that it works on, each with what came of it. Worked out once for all tests."""
    known = {}

    def outcome(step: Technique) -> list[tuple[Model, Compressed]]:
        if name_of(step) not in known:
            known[name_of(step)] = [(model, apply(step, model, bench)) for model in those_it_works_on(models, step)]
        done = [(model, state) for model, state in known[name_of(step)] if state is not None]
        assert done, "must do something to one of the networks"
        return done

    return outcome


@dataclasses.dataclass(frozen=True)
class Again:
    """A step that was applied to a model once more.

    Attributes:
        first, second: what came of it both times.
        told: the progress, and what was being done.
        before, after: what must not change: the random state, and all that the caller's network holds.
    """

    model: Model
    first: Compressed
    second: Compressed
    told: list[tuple[float, str]]
    before: tuple
    after: tuple


@pytest.fixture(scope="module")
def again(applied, bench: Bench):
    """For a step: how it went on the last of its models when it was done once more. Worked out once for all tests."""
    known = {}

    def repeated(step: Technique) -> Again:
        if name_of(step) not in known:
            model, first = applied(step)[-1]
            told = []
            watched = dataclasses.replace(bench, progress=lambda fraction, what: told.append((fraction, what)))
            forget()  # the first time helps the second with nothing
            before = random_state(), state_of(model.network)
            second = Recipe((step,)).apply(model, watched)
            after = random_state(), state_of(model.network)
            known[name_of(step)] = Again(model, first, second, told, before, after)
        return known[name_of(step)]

    return repeated


def state_of(network: nn.Module) -> dict:
    """All that a network holds, to compare by ==: its weights as bytes, and what was switched on or hooked to it."""
    weights = {
        name: (tensor.dtype, tensor.shape, tensor.numpy().tobytes()) for name, tensor in network.state_dict().items()
    }
    flags = [(parameter.requires_grad, parameter.grad is None) for parameter in network.parameters()]
    hooks = [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in network.modules()]
    return {"weights": weights, "flags": flags, "training": network.training, "hooks": sum(hooks)}


def random_state() -> tuple:
    numpy_state = np.random.get_state()
    return torch.get_rng_state().tolist(), numpy_state[1].tolist(), numpy_state[2], random.getstate()


# What a step does


@pytest.mark.parametrize("step", CASES, ids=name_of)
def test_changes_are_told_and_outputs_keep_their_shape(step: Technique, applied, images, capfd):
    for model, state in applied(step):
        layers = {name for name, _ in model.network.named_modules()} | {node.name for node in state.graph.graph.node}
        assert state.changes
        for change in state.changes:
            assert change["step"] == 1
            assert change["layer"] in layers
            assert change["what"].strip()
        assert run_graph(state.graph, images).shape == (IMAGES, 10)
        assert np.isfinite(run_graph(state.graph, images)).all()
    assert capfd.readouterr() == ("", ""), "a technique prints nothing"


@pytest.mark.parametrize("step", CASES, ids=name_of)
def test_the_same_seed_gives_the_same_bytes(step: Technique, again, tmp_path):
    first, second = again(step).first, again(step).second
    files = [write(one.graph, one.encodings, tmp_path, "", None) for one in (first, second)]
    assert files[0].sha256 == files[1].sha256
    assert first.changes == second.changes
    assert first.curve == second.curve


@pytest.mark.parametrize("step", CASES, ids=name_of)
def test_the_callers_network_and_the_random_state_stay_untouched(step: Technique, again):
    (random_before, network_before), (random_after, network_after) = again(step).before, again(step).after
    assert random_after == random_before
    assert network_after == network_before
    assert not network_after["training"]
    assert network_after["hooks"] == 0


@pytest.mark.parametrize("step", CASES, ids=name_of)
def test_the_file_agrees_with_the_network_or_graph(step: Technique, applied, images, tmp_path):
    for _, state in applied(step):
        file = write(state.graph, state.encodings, tmp_path, "", None)
        got = run_graph(file.path, images)
        wanted = run_graph(state.graph, images) if state.network is None else run_network(state.network, images)
        np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max())


@pytest.mark.parametrize("words", NOTHING_HERE)
def test_where_there_is_nothing_to_do_it_is_said(words: str, models, bench):
    for model in models:
        with pytest.raises(NothingToDo) as said:
            Recipe.parse(words).apply(model, bench)
        assert "or remove the step" in str(said.value)


@pytest.mark.parametrize("technique", ALL, ids=name_of)
def test_identity_settings_change_nothing(technique: type[Technique], models, bench, images):
    if technique.identity is None:
        return
    identity = technique.make(technique.identity)
    for model in those_it_works_on(models, identity):
        state = apply(identity, model, bench)
        if state is not None:
            wanted = run_network(model.network, images)
            np.testing.assert_allclose(run_graph(state.graph, images), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("technique", ALL, ids=name_of)
def test_skipping_every_layer_is_nothing_to_do(technique: type[Technique], models, bench):
    if "skip" in technique.model_fields:
        step = small(technique, skip=["*"])
        with pytest.raises(NothingToDo) as said:
            Recipe((step,)).apply(those_it_works_on(models, step)[-1], bench)
        assert technique.title in str(said.value)
        assert "skip fewer layers" in str(said.value).lower()


@pytest.mark.parametrize("step", CASES, ids=name_of)
def test_progress_climbs_to_one(step: Technique, again):
    told = again(step).told
    fractions = [fraction for fraction, _ in told]
    assert len(fractions) >= 2
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] < 1
    assert fractions[-1] == 1
    assert all(what for _, what in told)


@pytest.mark.parametrize("technique", ALL, ids=name_of)
def test_cancel_stops_it_at_any_moment(technique: type[Technique], models, bench):
    calls, recipe = [], Recipe((small(technique),))
    model = those_it_works_on(models, *recipe.steps)[-1]
    watched = dataclasses.replace(bench, progress=lambda fraction, what: calls.append(fraction))
    recipe.apply(model, watched)
    for moment in {1, len(calls) // 2, len(calls)}:
        heard = []

        def cancel(fraction: float, what: str, moment=moment, heard=heard) -> None:
            heard.append(fraction)
            if len(heard) == moment:
                raise Cancelled("cancelled")

        forget()  # what it reckoned before would be told in one word
        before = random_state()
        with pytest.raises(Cancelled):
            recipe.apply(model, dataclasses.replace(bench, progress=cancel))
        assert len(heard) == moment, "nothing goes on after Cancel"
        assert random_state() == before


# Steps together


@pytest.fixture(scope="module")
def begun() -> Prefixes:
    """What each first step made, so that it is worked out once and not again for every second step."""
    return Prefixes()


@pytest.mark.parametrize("second", ALL, ids=name_of)
@pytest.mark.parametrize("first", ALL, ids=name_of)
def test_two_steps_work_in_any_order_that_the_recipe_allows(first, second, models, bench, images, begun, tmp_path):
    recipe = Recipe((small(first), small(second)))
    works = those_it_works_on(models, *recipe.steps)
    if not works:
        return
    key = f"{first.id()} of {works[-1].id}"
    known = begun.find(key)

    def keep(number: int, state: Compressed) -> None:
        if number == 1:
            begun.keep(key, Known(state, seconds=0))

    try:
        state = recipe.apply(works[-1], bench, keep, start=(1, known.state) if known else None)
    except NothingToDo:
        assert first is second, "only what was done already leaves nothing to do"
        return
    except ModelError:
        assert works[-1].id == TRANSFORMER, "only a network of tokens may be refused"
        return
    assert {change["step"] for change in state.changes} == {1, 2}
    file = write(state.graph, state.encodings, tmp_path, "", None)
    np.testing.assert_allclose(run_graph(file.path, images), run_graph(state.graph, images), rtol=1e-3, atol=1e-2)
