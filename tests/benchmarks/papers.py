"""Published results of compression next to what EdgeKit's files reach, on the full test sets.

    python -m tests.benchmarks.papers [--json] [--only NAME …]

Every number is of the exported file; points lost are against our own uncompressed network, paired. Runs are kept in
EDGEKIT_HOME, so that what was measured once is found again. Needs CIFAR-10, MNIST and Fashion-MNIST
(`python -m edgekit data pull NAME`). Where training is part of a row, it takes minutes: see the epochs.
"""

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from edgekit.__main__ import own_stdout
from edgekit.artifacts.export import export
from edgekit.core.host import this_host
from edgekit.core.model import Model
from edgekit.core.run import Run
from edgekit.data import splits
from edgekit.data.feed import calibration
from edgekit.models import samples
from edgekit.models.samples import load
from edgekit.pipeline import baseline
from edgekit.reuse.frames import skip_frames, skip_in_film
from edgekit.reuse.shared_backbone import share_backbone
from edgekit.store.store import Store
from tests.benchmarks import peers
from tests.benchmarks.recipes import lost, ran, row
from tests.benchmarks.table import line, report

SEEDS = (0, 1, 2)
CALIBRATION, ITERATIONS = 1000, 1000  # AIMET's: samples, and updates a layer, a tenth of its default of 10,000
RESNET8, RESNET20, RESNET50 = "resnet8-cifar10", "resnet20-cifar10", "resnet50-cifar10"
LENET, DIGITS = "lenet5-fashion", "lenet5-mnist"


@dataclass(frozen=True)
class Paper:
    """What was published, and how to measure the same here."""

    published: str
    rows: Callable[[Store], list[dict]]


def deep_compression(store: Store) -> list[dict]:
    """Prune, share, and store what is left; then channels and integers as well."""
    pruned = ("prune_weights,sparsity=0.94", "fine_tune,epochs=1")
    shared = ran(store, DIGITS, *pruned, "share_weights,bits=5,dense_bits=4")
    narrower = ("prune_channels,sparsity=0.5,rounds=2,epochs=2", "prune_weights,sparsity=0.9,rounds=4,epochs=1")
    narrow = ran(store, DIGITS, *narrower, "quantize_weights,bits=4,activations=int8")
    return [
        row(shared, "file, share of the bytes", shared.comparison.size_ratio, 1 / 39),
        row(shared, "as shipped, share of the bytes", _ratio(shared, "shipped_bytes"), 1 / 45),
        row(shared, "coded, share of the bytes", _ratio(shared, "coded_bytes"), None),
        lost(shared, 0.1),
        row(narrow, "as shipped, share of the bytes", _ratio(narrow, "shipped_bytes"), 1 / 100),
        row(narrow, "latency ratio, upper end", narrow.comparison.latency_ratio.high, 1.0),
        lost(narrow, 0.1),
    ]


def rounding(store: Store) -> list[dict]:
    """Low-bit weights with 8-bit activations, without training."""
    rows = []
    for model, limits in ((RESNET20, {4: 0.2, 3: 2.0, 2: 10.0}), (RESNET8, {4: 0.5, 3: 5.0})):
        for bits, most in limits.items():
            for way, limit in (("compensated", None), ("reconstructed", most)):
                one = ran(store, model, f"quantize_weights,bits={bits},activations=int8,rounding={way}")
                rows.append(lost(one, limit) | {"seconds": round(one.seconds, 1)})
            rows.append(_aimet(store, model, bits))
    return rows


def aware(store: Store) -> list[dict]:
    """Quantization-aware training of ResNet-20, activations in 8 bits."""
    rows = []
    for bits, epochs, most in ((4, 3, 0.3), (3, 3, 0.8), (2, 8, 2.5)):
        one = ran(
            store, RESNET20, f"quantize_aware_train,bits={bits},epochs={epochs},batch_size=64,learning_rate=0.005"
        )
        rows.append(lost(one, most))
    return rows


def mixed(store: Store) -> list[dict]:
    """Bits by sensitivity, at an average of 4, against 4 bits everywhere."""
    ours = ran(store, RESNET20, "quantize_mixed,average_bits=4")
    same = ran(store, RESNET20, "quantize_weights,bits=4,rounding=nearest,edge_bits=4,activations=int8")
    return [
        lost(ours, None),
        lost(same, None),
        line("mixed − uniform nearest, points lost", _points(ours) - _points(same), 0.0),
        line("mixed / uniform nearest, bytes", _bytes(ours) / _bytes(same), 1.0),
    ]


def channels(store: Store) -> list[dict]:
    """Blocks and channels of ResNet-20's first stages removed, to a share of the MACs; then integers."""
    rows = []
    for kept, fewer, most in (("stage3*+stage2.1+stage1.0", 1.65, 0.9), ("stage3*+stage1.0", 2, 1.3)):
        one = ran(
            store, RESNET20, f"prune_blocks,sparsity=0.9,skip={kept}",
            "prune_channels,target=macs,sparsity=0.08,importance=fpgm,scope=global",
            "fine_tune,epochs=18,learning_rate=0.05,batch_size=64", "quantize_static", each_step=True,
        )  # fmt: skip
        before, tuned = one.baseline_measurements, one.steps[2].measurements
        gone = 100 * (before["accuracy"].value - tuned["accuracy"].value)
        rows += [
            row(one, "points lost before integers", gone, most),
            row(one, "share of the MACs", tuned["macs"].value / before["macs"].value, round(1 / fewer, 4)),
            lost(one, None),
            row(one, "latency ratio", one.comparison.latency_ratio.value, 0.40),
        ]
    return rows


def distillation(store: Store) -> list[dict]:
    """ResNet-8 from nothing, taught by ResNet-20 or by the labels alone, with the same epochs."""
    taught, alone = (
        [
            100 * ran(store, RESNET20, RESNET8_ANEW.format(share), "quantize_static", seed=seed, each_step=True)
            .steps[0].measurements["accuracy"].value
            for seed in SEEDS
        ]
        for share in (0.9, 0.0)
    )  # fmt: skip
    gains = np.subtract(taught, alone)
    return [
        line("ResNet-8 by the labels alone: accuracy", np.mean(alone), None, 2, spread=_spread(alone)),
        line("ResNet-8 taught by ResNet-20: accuracy", np.mean(taught), None, 2, spread=_spread(taught)),
        line("points that a teacher costs, paired by seed", -np.mean(gains), 0.0, 2, spread=_spread(-gains)),
    ]


def sparsity(store: Store) -> list[dict]:
    """Most weights of ResNet-20 removed."""
    rows = []
    for share, rounds, most in ((0.7, 3, 0.5), (0.8, 2, 1.0), (0.9, 4, 2.5)):
        one = ran(store, RESNET20, f"prune_weights,sparsity={share},rounds={rounds},epochs=2,learning_rate=0.02")
        rows += [lost(one, most), row(one, "file, share of the bytes", one.comparison.size_ratio, None)]
        rows.append(row(one, "as shipped, share of the bytes", _ratio(one, "shipped_bytes"), None))
        rows.append(row(one, "latency ratio", one.comparison.latency_ratio.value, None))
    return rows


def integers(store: Store) -> list[dict]:
    """8 bits after training and with training, on the same samples; also of a network of depthwise convolutions."""
    rows, aware = [], "quantize_aware_train,bits=8,epochs=2,learning_rate=0.001"
    depthwise = "swap_architecture,architecture=ds_cnn,width=1,epochs=4"
    for model, before in ((LENET, ()), (RESNET8, ()), (RESNET20, ()), (RESNET20, (depthwise,))):
        after = ran(store, model, *before, "quantize_static", each_step=True)
        trained = ran(store, model, *before, aware)
        floats = 100 * (after.steps[-2].measurements if before else after.baseline_measurements)["accuracy"].value
        for one in (after, trained):
            gone, most = floats - 100 * one.measurements["accuracy"].value, 0.2 if one is trained else None
            rows.append(row(one, "points lost to integers", gone, most))
        worse, interval = _points(trained) - _points(after), trained.comparison.accuracy_difference
        most = round(100 * (interval.high - interval.value), 3)
        rows.append(row(trained, "points lost, more than by PTQ", worse, most))
    return rows


def large_integers(store: Store) -> list[dict]:
    """8 bits after training and with an epoch of it, of the network that the paper tried."""
    if not samples.is_here(RESNET50):
        return [line(f"{RESNET50}: not on this machine. {samples.command(RESNET50)}", 0, None)]
    limits = {"quantize_static": 0.7, "quantize_aware_train,bits=8,epochs=1": 0.2}
    return [lost(ran(store, RESNET50, step), most) for step, most in limits.items()]


def inputs(store: Store) -> list[dict]:
    """Half the resolution, and Haar's bands, with the resize inside the file."""
    rows = []
    for mode in ("resolution", "haar"):
        one = ran(store, RESNET20, f"shrink_input,mode={mode},epochs=6")
        rows += [row(one, "latency ratio", one.comparison.latency_ratio.value, 0.5), lost(one, None)]
    return rows


def reuse(store: Store) -> list[dict]:
    """One backbone for two questions, and skipping frames of clips made of test images and of real films."""
    model = load(RESNET8)
    data = splits.load(model.data)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shared = share_backbone(model, data, folder)
        clips = skip_frames(model, data, folder)
        rows = [
            line("shared backbone, share of the time of two networks", shared.ratio.value, 1 / 1.5),
            line("shared backbone: points lost on the second question", -100 * shared.questions[1].difference.value, 1),
            line("clips of test images: share of the time", clips.ratio.value, 1 / 1.5),
            line("clips of test images: share of other answers", 1 - clips.agreement.value, 0.01),
        ]
        for title, film in peers.films().items():
            found = skip_in_film(model, _as_seen_by(film, model), folder)
            rows.append(line(f"{title}, second half: share of the time", found.ratio.value, None))
            rows.append(line(f"{title}, second half: share of other answers", 1 - found.agreement.value, None))
    return rows


def architecture(store: Store) -> list[dict]:
    """Four ways to the same shipped bytes in the same time of training, each then on integers.

    A search only has a limit on what it may find; the other three are within 5 % of their mean.
    """
    rows, found, shipped = [], {}, {}
    for way, step in ROUTES.items():
        runs = [ran(store, RESNET20, step, "quantize_static", seed=seed, each_step=True) for seed in SEEDS]
        found[way] = [100 * one.measurements["accuracy"].value for one in runs]
        shipped[way] = float(np.mean([one.measurements["shipped_bytes"].value for one in runs]))
        seconds = float(np.mean([one.seconds for one in runs]))
        rows.append(line(f"{way}: accuracy", np.mean(found[way]), None, 2, spread=_spread(found[way])))
        rows.append(line(f"{way}: seconds", seconds, None, 0))
    same = np.mean([shipped[way] for way in ROUTES if way != SEARCH])
    for way, size in shipped.items():
        away, most = abs(size / same - 1), None if way == SEARCH else 0.05
        rows.append(line(f"{way}: shipped bytes, away from the mean of {same:,.0f}", away, most))
    first, second = sorted(found, key=lambda way: -np.mean(found[way]))[:2]
    lead = np.subtract(found[first], found[second])
    rows.append(line(f"{first} leads over {second} by points", np.mean(lead), None, 2, spread=_spread(lead)))
    return rows


def low_rank(store: Store) -> list[dict]:
    """LeNet-5's first dense layer in two thin ones."""
    one = ran(store, LENET, "factorize,skip=conv*+fc2,keep=0.25", "fine_tune,epochs=1")
    kept = sum(np.prod(r["shape"]) for r in one.layers if r["layer"].startswith("fc1")) / (800 * 500)
    return [row(one, "share of fc1's weights", float(kept), 0.25), lost(one, 0.3)]


SEARCH = "architecture search"
RESNET8_ANEW = "swap_architecture,architecture=resnet8,width=1,epochs=6,batch_size=64,soft_labels={}"
ROUTES = {
    "compressed": "prune_channels,target=parameters,sparsity=0.715,importance=fpgm,scope=global,rounds=1,epochs=3,"
    "batch_size=64,learning_rate=0.05",
    "another architecture": RESNET8_ANEW.format(0.9),
    "separable convolutions": "separate_convs,multiplier=2,layers[stage3.2.conv*].multiplier=1,epochs=2,batch_size=128,"
    "learning_rate=0.05",
    SEARCH: "search_architecture,limit_on=size,limit=0.29,least=0.9,trials=2,trial_epochs=1,epochs=3,batch_size=64",
}

PAPERS = {
    "deep_compression": Paper(
        "LeNet-5 on MNIST: 39 × smaller, error 0.80 → 0.74 % (arXiv:1510.00149)", deep_compression
    ),
    "rounding": Paper(
        "AIMET 2.42, AdaRound, W/A8: ResNet-20 −0.2, −2.4, −12.4; ResNet-8 −0.5, −6.0 at 4, 3, 2 bits", rounding
    ),
    "aware": Paper("LSQ / PACT on ResNet-20: −0.1…−0.9 at 4 bits, −1 at 3, −3 at 2 (arXiv:1902.08153)", aware),
    "mixed": Paper("bits by sensitivity lose less than the same bits everywhere (arXiv:1905.03696)", mixed),
    "channels": Paper("Distiller, ResNet-20 at 1.65 × fewer MACs: 91.78 → 90.89 %", channels),
    "distillation": Paper("a taught student beats one that saw labels only (arXiv:1503.02531)", distillation),
    "sparsity": Paper("70 to 90 % of the weights removed at comparable accuracy (arXiv:1506.02626)", sparsity),
    "integers": Paper("8-bit PTQ loses 0.7 points, QAT 0.2 (ResNet-50; arXiv:1806.08342)", integers),
    "large_integers": Paper("the same, of ResNet-50 itself, which is built on request", large_integers),
    "inputs": Paper("half-size inputs, and low and high frequencies apart", inputs),
    "reuse": Paper("less time where the answer, or half of the way to it, is known already (arXiv:1803.06312)", reuse),
    "architecture": Paper("a well-designed small network can beat a compressed large one", architecture),
    "low_rank": Paper("dense layers factorised to a quarter (arXiv:1404.0736)", low_rank),
}


def _aimet(store: Store, model_id: str, bits: int) -> dict:
    """AIMET's AdaRound of the same network beside ours, in an environment of its own."""
    model = load(model_id)
    data = splits.load(model.data)
    graph = export(model.network, model.preprocessing(data.training.raw[:1]))
    samples = {
        "calibration": calibration(data.training, model.preprocessing, CALIBRATION),
        "inputs": model.preprocessing(data.evaluation.raw),
        "labels": data.evaluation.labels,
    }
    found = peers.asked("aimet", graph, samples, bits=bits, iterations=ITERATIONS)
    right = baseline(model, store=store).measurements["accuracy"].value
    what = f"{model_id}, AIMET's AdaRound, bits={bits}: points lost"
    return line(what, 100 * (right - found["accuracy"]), None) | {"seconds": round(found["seconds"], 1)}


def _as_seen_by(film: np.ndarray, model: Model) -> np.ndarray:
    """The middle square of each frame (n, height, width, 3) in the size that the model takes, uint8."""
    side, size = min(film.shape[1:3]), model.input_shape[1:]
    top, left = ((length - side) // 2 for length in film.shape[1:3])
    square = torch.from_numpy(film[:, top : top + side, left : left + side]).permute(0, 3, 1, 2).float()
    small = torch.nn.functional.interpolate(square, size, mode="area")  # (n, 3, height, width)
    return small.round().clamp(0, 255).permute(0, 2, 3, 1).numpy().astype(np.uint8)


def _ratio(one: Run, metric: str) -> float:
    """After / before; the coded form is held against the uncompressed network's plain bytes."""
    before = one.baseline_measurements["size_bytes" if metric.endswith("_bytes") else metric]
    return one.measurements[metric].value / before.value


def _points(one: Run) -> float:
    """Points lost."""
    return -100 * one.comparison.accuracy_difference.value


def _bytes(one: Run) -> float:
    return one.measurements["size_bytes"].value


def _spread(values: list[float]) -> list[float]:
    """The 95 % interval of a mean of few values (Student's t)."""
    from scipy.stats import t

    half = t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return [round(float(np.mean(values) + side * half), 3) for side in (-1, 1)]


def main() -> None:
    """Run all rows, or those asked for, and print a table or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", action="append", choices=PAPERS, metavar="NAME", help=", ".join(PAPERS))
    asked = parser.parse_args()
    rows = []
    with Store.open() as store:
        for name in asked.only or PAPERS:
            paper = PAPERS[name]
            rows += [{"paper": name, "published": paper.published} | one for one in paper.rows(store)]
    report(rows, this_host(), asked.json)


if __name__ == "__main__":
    with own_stdout():
        main()
