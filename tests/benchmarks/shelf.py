"""Integers, half of a network removed, and both, on every sample model, on its full test set.

    python -m tests.benchmarks.shelf [--json] [--only MODEL …]

Each model gets the integers and the pruning that suit it. Of those whose shape only is here, nothing is trained, and
size, memory and latency are what is measured. Models whose weights or data are not on this machine are left
out, and named. Runs are kept in EDGEKIT_HOME, so that what was measured once is found again.
"""

import argparse

from edgekit.core.host import this_host
from edgekit.core.measurement import METRICS, quality
from edgekit.data import download
from edgekit.models import samples
from edgekit.store.store import Store
from tests.benchmarks.recipes import ran, row
from tests.benchmarks.table import line, report

STATIC = ("quantize_static",)
RECIPES = {  # model -> integers, pruning with recovery
    "lenet5-fashion": (STATIC, ("prune_channels,sparsity=0.5", "fine_tune,epochs=3")),
    "lenet5-mnist": (STATIC, ("prune_channels,sparsity=0.5", "fine_tune,epochs=2")),
    "resnet8-cifar10": (STATIC, ("prune_channels,sparsity=0.5", "fine_tune,epochs=4")),
    "resnet20-cifar10": (STATIC, ("prune_channels,sparsity=0.5", "fine_tune,epochs=3")),
    "mobilenetv2-cifar10": (STATIC, ("prune_channels,sparsity=0.5", "fine_tune,epochs=1")),
    "efficientnet-lite0-cifar10": (STATIC, ("prune_channels,sparsity=0.5", "fine_tune,epochs=1")),
    "resnet50-cifar10": (STATIC, ("prune_channels,sparsity=0.5", "fine_tune,epochs=1")),
    "siamese-faces": (
        STATIC,
        ("prune_channels,sparsity=0.5", "fine_tune,epochs=12,optimizer=adamw,learning_rate=0.0002"),
    ),
    "siamese-faces-mobile": (
        STATIC,
        ("prune_channels,sparsity=0.5", "fine_tune,epochs=12,optimizer=adamw,learning_rate=0.0002"),
    ),
    "minilm-sentiment": (
        ("quantize_dynamic",),
        (
            "prune_heads,sparsity=0.5,feed_forward=0.3",
            "fine_tune,epochs=3,optimizer=adamw,learning_rate=0.0001,weight_decay=0.01",
        ),
    ),
    "translator-en-fr": (
        ("quantize_dynamic",),
        (
            "prune_heads,sparsity=0.5,feed_forward=0.3",
            "fine_tune,epochs=3,optimizer=adamw,learning_rate=0.0005,weight_decay=0.01,batch_size=64",
        ),
    ),
    "translator-en-fr-small": (
        ("quantize_dynamic",),
        (
            "prune_heads,sparsity=0.5,feed_forward=0.3",
            "fine_tune,epochs=5,optimizer=adamw,learning_rate=0.002,weight_decay=0.01,batch_size=64",
        ),
    ),
    "digits-detector": (
        STATIC,
        ("prune_channels,sparsity=0.5", "fine_tune,epochs=10,optimizer=adamw,learning_rate=0.002"),
    ),
    "anomaly-autoencoder": (
        STATIC,
        ("prune_channels,sparsity=0.5", "fine_tune,epochs=60,optimizer=adamw,learning_rate=0.002"),
    ),
    "gestures-cnn": (STATIC, ("prune_channels,sparsity=0.5", "fine_tune,epochs=20")),
    "digits-gru": (("quantize_dynamic",), ("prune_weights,sparsity=0.5", "fine_tune,epochs=5,learning_rate=0.01")),
}

SHAPES = {  # model of which only the shape is here -> recipes
    "bert-base": (("quantize_fp16",), ("quantize_dynamic",)),
    "transformer-big": (("quantize_fp16",), ("quantize_dynamic",)),
    "yolov5s": (("quantize_fp16",), ("quantize_dynamic,convolutions=true",), STATIC, ("prune_channels,sparsity=0.5",)),
}
SHOWN = {"size_bytes": 1e6, "peak_memory_bytes": 1e6, "latency_ms": 1}  # metric -> what it is divided by: MB, MB, ms


def rows_of_shape(store: Store, name: str) -> list[dict]:
    """Megabytes, peak memory and milliseconds of a shape: as it is, and as each recipe leaves it."""
    rows = []
    for steps in ((), *SHAPES[name]):
        one = ran(store, name, *steps)
        rows += [
            row(one, METRICS[metric].title, one.measurements[metric].value / by, None) for metric, by in SHOWN.items()
        ]
        if steps:
            rows.append(row(one, "latency ratio", one.comparison.latency_ratio.value, None))
    return rows


def rows_of(store: Store, name: str) -> list[dict]:
    """What each of the three did to a model."""
    integers, pruned = RECIPES[name]
    rows = []
    for steps in (integers, pruned, (*pruned, *integers)):
        one = ran(store, name, *steps)
        metric = METRICS[quality(one.measurements).metric].title
        rows += [
            row(one, f"{metric}, points lost", -100 * one.comparison.accuracy_difference.value, None),
            row(one, "size, share of the bytes", one.comparison.size_ratio, None),
            row(one, "latency ratio", one.comparison.latency_ratio.value, None),
        ]
    return rows


def main() -> None:
    """Measure all, or those asked for, and print a table or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", action="append", choices=RECIPES | SHAPES, metavar="MODEL")
    asked, rows = parser.parse_args(), []
    with Store.open() as store:
        for name in asked.only or RECIPES | SHAPES:
            if name in SHAPES:
                rows += rows_of_shape(store, name)
            elif samples.is_here(name) and download.status(samples.card(name).data).present:
                rows += rows_of(store, name)
            else:
                rows.append(line(f"{name}: not on this machine", 0, None))
    report(rows, this_host(), asked.json)


if __name__ == "__main__":
    main()
