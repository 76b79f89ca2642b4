"""Advice: each sentence carries the run's own numbers, and each recipe that is offered works."""

import pytest

from edgekit.core.budget import Budget
from edgekit.search.advice import advise
from edgekit.store.rows import COLUMNS, row, summary
from tests.factories import a_baseline, a_measurement, a_run, compared, layers, measurements


def cards(recipe, baseline=None, budget=None, comparison=None, runs=(), **changes):
    run = a_run(recipe=recipe, comparison=comparison or compared(), **changes)
    return {one.id: one for one in advise(run, baseline or a_baseline(), budget, runs)}


def calibrated(**numbers):
    """Changes that recorded what calibration saw of fc1's inputs, and less of fc2's."""
    plain = {"samples": 256, "rare": 0.01, "late": 0.0}
    return [
        {"step": 1, "layer": layer, "what": "int8 weights", "numbers": plain | more}
        for layer, more in (("fc1", numbers), ("fc2", {}))
    ]


def known(recipe, accuracy, size, latency=0.1, model="lenet5-fashion"):
    """The light row of another run."""
    run = a_run(recipe=recipe, model=model, measurements=measurements(accuracy, size, latency))
    held = row(run)
    return summary([held[column.name] for column in COLUMNS])


def test_fewer_bits_without_speed_are_explained_with_8_bit_activations_to_apply():
    card = cards([{"quantize_weights": {"bits": 3}}], measurements=measurements(0.90, 170_000, 0.208))[
        "bits_without_speed"
    ]
    assert (card.tone, card.title) == ("why", "Why is it not faster with fewer bits?")
    assert card.why == (
        "The weights lie in the file as 3-bit codes, and become floats again when it is loaded, so every "
        "multiplication is the same as before: 0.208 ms, against 0.210 ms before (1.00 × the time, between "
        "0.98 and 1.02). The file is what shrinks: 170 kB, against 1.73 MB before (1.00 ×). "
        "To be faster, activations must be integers too."
    )
    assert card.recipe == [{"quantize_weights": {"bits": 3, "activations": "int8"}}]


def test_scattered_zeros_without_speed_are_explained_with_channels_to_apply():
    rows = [row | {"zeros": 0.8} for row in layers(32)]
    card = cards([{"prune_weights": {"sparsity": 0.8}}], layers=rows)["zeros_without_speed"]
    assert card.why == (
        "80 % of the weights are zero, but scattered. This processor multiplies by zero all the same: "
        "0.110 ms, against 0.210 ms before (1.00 × the time, between 0.98 and 1.02). "
        "Removing whole channels leaves less to multiply."
    )
    assert card.recipe == [{"prune_channels": {"sparsity": 0.5}}, {"fine_tune": {"epochs": 3}}]
    patterned = cards([{"prune_weights": {"pattern": "2:4"}}, {"fine_tune": {}}, {"quantize_static": {}}], layers=rows)
    card = patterned["zeros_without_speed"]
    assert "in the pattern 2:4, which only some graphics processors skip" in card.why
    assert card.recipe == [{"prune_channels": {"sparsity": 0.5}}, {"fine_tune": {}}, {"quantize_static": {}}]


def test_zeros_that_are_still_stored_are_explained_with_the_shipped_size():
    rows = [row | {"zeros": 0.8} for row in layers(32)]
    card = cards([{"prune_weights": {"sparsity": 0.8}}], layers=rows, measurements=measurements(0.9, 1_729_000, 0.21))
    assert card["zeros_still_stored"].why == (
        "80 % of the weights are zero, but each zero is still stored as a 32-bit float, so the file is 1.73 MB, "
        "against 1.73 MB before (1.00 ×). Compressed for shipping it is 1.61 MB, against 1.61 MB before. "
        "Fewer bits for every weight shrink the file itself."
    )
    assert card["zeros_still_stored"].recipe[1] == {"quantize_weights": {"bits": 4}}
    quantized = [{"prune_weights": {"sparsity": 0.8}}, {"quantize_static": {}}]
    assert "zeros_still_stored" not in cards(quantized, comparison=compared(size=0.25))
    left_out = [row | {"weight_bits": row["weight_bits"] - 1} for row in rows]
    assert "zeros_still_stored" not in cards([{"prune_weights": {}}], layers=left_out)


def test_half_floats_without_speed_are_explained_with_integers_to_apply():
    card = cards([{"quantize_fp16": {}}], comparison=compared("slower", 1.2, 0.5))["half_floats_without_speed"]
    assert "0.110 ms, against 0.210 ms before (1.20 × the time, between 1.18 and 1.22)" in card.why
    assert card.recipe == [{"quantize_static": {}}]


def test_signed_activations_are_slow_on_x86_only():
    recipe = [{"quantize_static": {"activation_type": "int8", "samples": 64}}]
    x86 = {"id": "h", "cpu": "A Xeon", "architecture": "x86_64"}
    card = cards(recipe, machine=x86, comparison=compared("faster", 0.8))["signed_activations_on_x86"]
    assert card.why.startswith("A Xeon multiplies unsigned by signed 8-bit integers at full speed")
    assert card.recipe == [{"quantize_static": {"samples": 64}}]
    assert "signed_activations_on_x86" not in cards(recipe, machine=x86 | {"architecture": "aarch64"})
    assert "signed_activations_on_x86" not in cards([{"quantize_static": {}}], machine=x86)


def test_channels_that_are_no_multiple_of_eight_are_named():
    kept = {"conv1": 13, "conv2": 25, "fc1": 250, "fc2": 10}
    rows = [row | {"channels": kept[row["layer"]]} for row in layers(32)]
    recipe = [{"prune_channels": {"sparsity": 0.5, "round_to": 1}}]
    card = cards(recipe, layers=rows)["channels_of_eight"]
    assert card.why.startswith(
        "conv1 has 13 channels left and 2 more layers have such a number. Processors compute 8 or more at a time, "
        "so 13 cost about as much as 16; it takes 0.110 ms"
    )
    assert card.recipe == [{"prune_channels": {"sparsity": 0.5}}]
    assert "channels_of_eight" not in cards(recipe), "no layer was pruned to another number"
    assert "channels_of_eight" not in cards([{"prune_channels": {"sparsity": 0.5}}], layers=rows)


def test_dynamic_integers_on_convolutions_are_explained():
    card = cards([{"quantize_dynamic": {}}], comparison=compared("slower", 1.3))["dynamic_on_convolutions"]
    assert card.why.startswith("Convolutions do 82 % of this network's work")
    assert card.recipe == [{"quantize_static": {}}]
    linear = a_baseline(layers=[row | {"kind": "Gemm"} for row in layers(32)])
    assert "dynamic_on_convolutions" not in cards([{"quantize_dynamic": {}}], linear)


@pytest.mark.parametrize(
    ("difference", "p", "said"), [(-0.001, 0.4, True), (-0.03, 0.3, True), (-0.001, 0.01, True), (-0.03, 0.001, False)]
)
def test_a_change_that_may_be_chance_is_called_noise(difference, p, said):
    found = cards([{"quantize_static": {}}], comparison=compared("faster", 0.5, 0.25, difference, p=p))
    assert ("within_noise" in found) == said


def test_noise_is_told_with_its_interval_and_p_value():
    card = cards([{"quantize_static": {}}], comparison=compared("faster", 0.5, 0.25, -0.001, p=0.4))["within_noise"]
    assert (card.tone, card.recipe) == ("good", None)
    assert card.why == (
        "−0.10 points on 10,000 test samples, between −0.50 and +0.30 with 95 % confidence. "
        "A difference this large comes by chance with p = 0.40 (McNemar's test), so it cannot be told from none."
    )


def test_a_range_that_still_grew_is_met_with_more_calibration_samples():
    recipe = [{"quantize_static": {"samples": 8}}]
    card = cards(recipe, changes=calibrated(samples=8, late=0.256))["calibration_too_small"]
    assert card.why == (
        "The range of each activation was read off 8 calibration samples, and for what fc1 reads 26 % of it showed "
        "in the second half of them only. What lies beyond a range is cut off: −3.00 points of accuracy (between −3.40 "
        "and −2.60). 256 samples show more of what there is."
    )
    assert card.recipe == [{"quantize_static": {"samples": 256}}]
    single = cards(recipe, changes=calibrated(samples=1, late=1.0))["calibration_too_small"]
    assert "one calibration sample, and for what fc1 reads 100 % of it has nothing that confirms it." in single.why
    assert "calibration_too_small" not in cards(recipe, changes=calibrated(samples=8, late=0.01))
    within = compared(difference=-0.001)
    assert "calibration_too_small" not in cards(recipe, comparison=within, changes=calibrated(samples=8, late=0.3))
    enough = cards([{"quantize_static": {}}], changes=calibrated(samples=256, late=0.3))["calibration_too_small"]
    assert enough.recipe == [{"quantize_static": {"samples": 1024}}]


def test_outliers_are_met_with_a_percentile():
    card = cards([{"quantize_static": {}}], changes=calibrated(rare=0.987))["range_outliers"]
    assert card.why.startswith(
        "99 % of the codes for what fc1 reads go to the rarest 0.01 % of its values, and all others share the rest: "
        "−3.00 points of accuracy"
    )
    assert card.recipe == [{"quantize_static": {"ranges": "percentile"}}]
    cut_off = cards([{"quantize_static": {"ranges": "mse"}}], changes=calibrated(rare=0.987))
    assert "range_outliers" not in cut_off
    assert "range_outliers" not in cards([{"quantize_static": {}}], changes=calibrated(rare=0.2))


def test_depthwise_layers_in_few_bits_are_left_8():
    rows = [one | {"groups": 50, "shape": [50, 1, 5, 5]} if one["layer"] == "conv2" else one for one in layers(3)]
    recipe = [{"quantize_weights": {"bits": 3, "layers": {"conv*": {"bits": 4}}}}]
    card = cards(recipe, layers=rows)["depthwise_at_low_bits"]
    assert card.why.startswith(
        "1 layer with 3 bits, conv2 first, make each channel of only 1 × 5 × 5 products, too few for rounding errors "
        "to average out: −3.00 points of accuracy"
    )
    assert list(card.recipe[0]["quantize_weights"]["layers"]) == ["conv2", "conv*"], "the first pattern that fits wins"
    assert card.recipe[0]["quantize_weights"]["layers"]["conv2"] == {"bits": 8}
    assert "depthwise_at_low_bits" not in cards(recipe, layers=layers(3))


def test_edges_in_few_bits_are_given_the_usual_8():
    card = cards([{"quantize_weights": {"bits": 2, "edge_bits": 2}}], layers=layers(2))["edges_at_low_bits"]
    assert card.why == (
        "conv1 has 2 bits and fc2 2. All that follows hangs on the first, and each answer on the last: −3.00 points "
        "of accuracy (between −3.40 and −2.60). They hold 1 % of the parameters, so 8 bits for them cost little."
    )
    assert card.recipe == [{"quantize_weights": {"bits": 2}}]


@pytest.mark.parametrize(
    ("rounding", "bits", "tried"),
    [({"rounding": "nearest"}, 4, {}), ({}, 2, {"rounding": "reconstructed"}), ({}, 4, None)],
)
def test_rounding_has_a_next_better_way(rounding, bits, tried):
    found = cards([{"quantize_weights": {"bits": bits} | rounding}], layers=layers(bits)).get("rounding")
    assert (found and found.recipe) == (tried is not None and [{"quantize_weights": {"bits": bits} | tried}] or None)
    assert found is None or found.why.startswith(f"At {bits} bits, −3.00 points of accuracy")


def test_one_scale_for_all_channels_is_split():
    card = cards([{"quantize_static": {"per_channel": False}}])["one_scale_for_all"]
    assert card.why.startswith("4 layers with a single scale for up to 500 channels leave small channels a few codes")
    assert card.recipe == [{"quantize_static": {}}]


def test_16_bits_without_speed_are_explained_with_8_to_apply():
    card = cards([{"quantize_static": {"activation_type": "uint16", "weight_type": "int16"}}])
    assert "no kernels for uint16 activations and int16 weights" in card["sixteen_bits_without_speed"].why
    assert card["sixteen_bits_without_speed"].recipe == [{"quantize_static": {}}]
    assert "integers_without_speed" not in card


def test_integers_that_are_no_faster_are_told_by_how_little_there_is_to_multiply():
    card = cards([{"quantize_static": {}}], comparison=compared("slower", 1.3))["integers_without_speed"]
    assert "took 0.210 ms: its 4 layers multiply 573,250 times each" in card.why
    assert card.recipe == [{"quantize_weights": {"bits": 8}}]


def test_a_file_that_is_mostly_graph_is_taken_apart():
    numbers = measurements(0.9, 20_000) | {"weight_bits": a_measurement("weight_bits", 40_000)}
    card = cards([{"quantize_weights": {"bits": 2}}], measurements=numbers)["graph_outweighs_weights"]
    assert card.why.startswith("Of 20.0 kB only 5.00 kB are weights. The other 75 % are the graph")
    assert card.recipe is None


def test_a_part_of_the_samples_may_not_tell_whether_the_budget_holds():
    unsure = compared(difference=-0.008, spread=0.01)
    card = cards([{"quantize_static": {}}], comparison=unsure, samples=500)["too_few_samples_to_tell"]
    assert card.why.startswith(
        "On 500 of 10,000 test samples the difference is −0.80 points, anywhere between −1.80 and +0.20: it may be "
        "within the 1 that the budget allows, or beyond."
    )
    assert "too_few_samples_to_tell" not in cards([{"quantize_static": {}}], comparison=unsure)


def test_another_architecture_is_named_where_it_was_measured_to_be_better():
    better = known([{"separate_convs": {}}, {"quantize_weights": {}}], 0.914, 200_000)
    pruned = {"recipe": [{"prune_channels": {"sparsity": 0.6}}], "measurements": measurements(0.88, 300_000, 0.1)}
    card = cards(**pruned, runs=[better])["architecture_first"]
    assert card.why.startswith(
        "separate_convs → quantize_weights has 91 % accuracy at 200 kB; this file has 88 % at 300 kB. "
        "Both answered the same 10,000 test samples."
    )
    assert (card.recipe, card.model, card.promises) == (better.recipe, "", ("accuracy", "size_bytes"))
    other = known([], 0.95, 100_000, model="lenet5-mnist")
    found = cards(**pruned, runs=[better, other])["architecture_first"]
    assert found.why.startswith("lenet5-mnist (the network as it is) has 95 % accuracy at 100 kB")
    assert (found.recipe, found.model) == ([], "lenet5-mnist")
    unsure, larger = known([{"separate_convs": {}}], 0.885, 200_000), known([{"separate_convs": {}}], 0.915, 400_000)
    plain = known([{"prune_weights": {}}], 0.915, 200_000)
    assert "architecture_first" not in cards(**pruned, runs=[unsure, larger, plain])


MISSES = [  # accuracy 0.9196 before
    ([{"quantize_static": {}}], 0.9190, 441_000),
    ([{"quantize_weights": {}}], 0.9190, 225_000),
    ([{"quantize_weights": {"bits": 3}}], 0.9173, 171_288),
    ([{"quantize_weights": {"bits": 2}}], 0.8900, 118_000),
    ([{"prune_channels": {"sparsity": 0.8}}], 0.7000, 90_000),
]


def test_a_budget_that_no_run_holds_is_relaxed_to_the_nearest():
    budget = Budget(size_bytes=100_000)
    card = cards([{"quantize_static": {}}], budget=budget, runs=[known(*one) for one in MISSES])["budget_out_of_reach"]
    assert card.why == (
        "All 5 measured runs miss a limit. quantize_weights (bits 3) comes nearest; it would take 172 kB instead of "
        "100 kB, or 22 instead of 1 points lost (prune_channels (sparsity 0.8)). Relax that, or go on looking."
    )
    assert card.recipe == [{"quantize_weights": {"bits": 3}}]
    assert card.budget == Budget(size_bytes=172_000)
    here = cards([{"quantize_weights": {"bits": 3}}], budget=budget, runs=[known(*one) for one in MISSES])
    assert here["budget_out_of_reach"].recipe is None, "it is this very run that comes nearest"


def test_a_budget_is_not_given_up_early_or_where_a_run_holds_it():
    runs = [known(*one) for one in MISSES]
    assert "budget_out_of_reach" not in cards(
        [{"quantize_static": {}}], budget=Budget(size_bytes=100_000), runs=runs[1:]
    )
    assert "budget_out_of_reach" not in cards([{"quantize_static": {}}], budget=Budget(size_bytes=172_000), runs=runs)


@pytest.mark.parametrize(
    ("recipe", "tried"),
    [
        (["prune_channels"], ["prune_channels", {"fine_tune": {"epochs": 3}}]),
        (["prune_weights", "quantize_static"], ["prune_weights", {"fine_tune": {"epochs": 3}}, "quantize_static"]),
        (["prune_channels", {"fine_tune": {"epochs": 5}}], ["prune_channels", {"fine_tune": {"epochs": 10}}]),
        ([{"quantize_weights": {"bits": 2}}], [{"quantize_weights": {"bits": 3}}]),
        (["prune_channels", {"quantize_weights": {"bits": 3}}], ["prune_channels", {"quantize_weights": {"bits": 4}}]),
        ([{"quantize_weights": {}}], [{"quantize_weights": {"bits": 5}}]),
        (["quantize_static"], [{"quantize_static": {"ranges": "mse"}}]),
        (
            ["prune_channels", {"fine_tune": {"epochs": 20}}],
            [{"prune_channels": {"sparsity": 0.4}}, {"fine_tune": {"epochs": 20}}],
        ),
    ],
)
def test_too_large_a_drop_is_met_with_the_remedy_that_fits(recipe, tried):
    recipe, tried = ([step if isinstance(step, dict) else {step: {}} for step in steps] for steps in (recipe, tried))
    card = cards(recipe, measurements=measurements(0.88, 400_000, 0.1))["win_accuracy_back"]
    assert (card.tone, card.recipe) == ("next", tried)
    assert card.why.startswith("−3.00 points (between −3.40 and −2.60), where the budget allows 1 lost. ")


def test_a_larger_budget_needs_no_remedy():
    found = cards([{"quantize_static": {}}], budget=Budget(accuracy_drop=4))
    assert "win_accuracy_back" not in found
    assert "go_further" in found


@pytest.mark.parametrize(
    ("recipe", "tried"),
    [
        (["prune_channels"], ["prune_channels", "quantize_static"]),
        (
            ["quantize_static"],
            [{"prune_channels": {"sparsity": 0.25}}, {"fine_tune": {"epochs": 3}}, "quantize_static"],
        ),
        ([{"quantize_weights": {"bits": 8}}], [{"quantize_weights": {"bits": 6}}]),
        (["prune_channels", "quantize_static"], [{"prune_channels": {"sparsity": 0.6}}, "quantize_static"]),
    ],
)
def test_room_in_the_budget_is_used_for_the_next_step(recipe, tried):
    recipe, tried = ([step if isinstance(step, dict) else {step: {}} for step in steps] for steps in (recipe, tried))
    card = cards(recipe, comparison=compared("faster", 0.5, 0.25, -0.001))["go_further"]
    assert (card.title, card.recipe) == ("Go further", tried)
    assert card.why.startswith("441 kB, 0.110 ms and −0.10 points of accuracy: within the budget, so there is room. ")


def test_a_budget_that_is_missed_in_size_is_named():
    found = cards([{"quantize_static": {}}], budget=Budget(size_bytes=100_000), comparison=compared(difference=-0.001))
    card = found["go_further"]
    assert card.title == "Get within the budget"
    assert "the size on disk is still above the budget" in card.why


def test_the_uncompressed_network_is_told_where_to_begin():
    baseline = a_baseline()
    (card,) = advise(baseline, baseline)
    assert (card.id, card.recipe) == ("first_step", [{"quantize_static": {}}])
    assert card.why.startswith("This is the network as it is: 1.73 MB, 0.210 ms.")
