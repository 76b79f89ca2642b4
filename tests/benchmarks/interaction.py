"""How long a person waits for a measured point against the bare work; how small, quick and right the files are.

    python -m tests.benchmarks.interaction [--json]

Bare work: one accuracy pass of the very file in ONNX Runtime over the full test set, plus its latency timing. A point:
from a settled slider to accuracy, size and latency, saved. Both in this process, warm, in turn. Needs CIFAR-10
(`python -m edgekit data pull cifar10`).
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from edgekit.core.host import this_host
from edgekit.core.run import Run
from edgekit.data.splits import load as load_data
from edgekit.measure.latency import time_pair
from edgekit.measure.outputs import outputs
from edgekit.models.samples import load
from edgekit.pipeline import baseline, compress
from edgekit.recipe import Recipe
from edgekit.search.ghost import predict
from edgekit.search.sliders import BITS, SPARSITIES, Sliders
from edgekit.store.store import Store
from tests.benchmarks.recipes import lost, ran, row
from tests.benchmarks.table import line, report

ROUNDS = 5
POINTS = {
    "quantize_static": (["quantize_static"], 1.5),
    "quantize_weights 4 bits": (["quantize_weights,bits=4,activations=float"], 1.5),
    "quantize_weights 4 bits, int8 activations": (["quantize_weights,bits=4,activations=int8"], 1.5),
    "prune_channels 0.5": (["prune_channels,sparsity=0.5"], 2.0),
}


def waits(store: Store) -> list[dict]:
    """Point time / bare time of each technique on resnet8-cifar10, medians over rounds taken in turn."""
    model = load("resnet8-cifar10")
    evaluation = load_data(model.data).evaluation
    base = baseline(model, store=store)
    rows = []
    for name, (steps, limit) in POINTS.items():
        points, bares = [], []
        for _ in range(ROUNDS + 1):  # the first round warms up
            at: list[float] = []
            started = time.perf_counter()
            run = compress(
                model,
                Recipe.parse(steps),
                store=store,
                fresh=True,
                on_point=lambda run, at=at: at.append(time.perf_counter()),
            )
            points.append(at[0] - started)
            started = time.perf_counter()
            path = Path(run.artifact.path)
            outputs(path, evaluation, model.preprocessing)
            time_pair(path, store.file(base.artifact.sha256))
            bares.append(time.perf_counter() - started)
        ratio = statistics.median(p / b for p, b in zip(points[1:], bares[1:], strict=True))
        rows.append(
            line(
                f"{name}: point / bare work", ratio, limit, digits=3,
                point_s=round(statistics.median(points[1:]), 3), bare_s=round(statistics.median(bares[1:]), 3),
            )
        )  # fmt: skip
    return rows


def ghosts(store: Store) -> list[dict]:
    """The 95th percentile of the time a preview takes, over every slider position."""
    base, times = baseline(load("resnet8-cifar10"), store=store), []
    for sparsity in SPARSITIES:
        for bits in BITS:
            started = time.perf_counter()
            predict("resnet8-cifar10", Sliders(sparsity=sparsity, bits=bits).recipe(), base)
            times.append((time.perf_counter() - started) * 1e3)
    p95 = statistics.quantiles(times, n=20)[-1]
    return [line("ghost preview, p95 (ms)", p95, 100, digits=3)]


def files(store: Store) -> list[dict]:
    """Size, speed and accuracy of the files that the project promises."""
    rows = []
    for model_id, limit in (("resnet8-cifar10", 1.0), ("resnet20-cifar10", 0.65)):
        run = ran(store, model_id, "quantize_static")
        rows.append(lost(run, 0.5))
        rows.append(row(run, "latency ratio, upper end", run.comparison.latency_ratio.high, 1.0))
        rows.append(row(run, "latency ratio", run.comparison.latency_ratio.value, limit))
        rows.append(row(run, "size ratio", run.comparison.size_ratio, 0.34 if model_id == "resnet8-cifar10" else None))
    for model_id, bits, limit in (
        ("resnet8-cifar10", 4, 0.20),
        ("lenet5-fashion", 4, 0.15),
        ("lenet5-fashion", 2, 0.09),
    ):
        run = ran(store, model_id, f"quantize_weights,bits={bits},activations=float")
        rows.append(row(run, "size ratio", run.comparison.size_ratio, limit))
        rows.append(row(run, "latency ratio", run.comparison.latency_ratio.value, None))
        rows.append(lost(run, None))
    whole = ran(store, "lenet5-fashion", "prune_channels,sparsity=0.5", "fine_tune,epochs=3", "quantize_static")
    rows.append(row(whole, "size ratio", whole.comparison.size_ratio, round(1 / 12, 4)))
    rows.append(row(whole, "latency ratio, upper end", whole.comparison.latency_ratio.high, 1.0))
    rows.append(lost(whole, 1.0))
    return rows


def widths(store: Store) -> list[dict]:
    """Packed weights cost no time: weight-only against FP32, with 8-bit activations against plain INT8."""
    rows = []
    for model_id in ("resnet8-cifar10", "resnet20-cifar10"):
        base, int8 = baseline(load(model_id), store=store), ran(store, model_id, "quantize_static")
        for activations, against in (("float", base), ("int8", int8)):
            for bits in range(2, 9):
                run = ran(store, model_id, f"quantize_weights,bits={bits},activations={activations}")
                ratios = [_latency_ratio(run, against) for _ in range(3)]
                name = f"latency / {'FP32' if activations == 'float' else 'plain INT8'}"
                rows.append(row(run, name, statistics.median(ratios), 1.05))
    return rows


def _latency_ratio(run: Run, against: Run) -> float:
    return time_pair(Path(run.artifact.path), Path(against.artifact.path)).ratio.value


def main() -> None:
    """Run everything and print a table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder))
        rows = [row for part in (waits, ghosts, files, widths) for row in part(store)]
        store.close()
    report(rows, this_host(), as_json)


if __name__ == "__main__":
    main()
