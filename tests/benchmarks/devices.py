"""Fits the rates of every device to published latencies, and says how far off networks are that were left out.

    python -m tests.benchmarks.devices [--json] [--write]

Each calibration is fitted without one network at a time, and the mean of |estimate / published − 1| over those is held
against what is promised. With `--write` the rates go to edgekit/devices/rates.yaml, where estimates take them from.
Besides: ResNet-8 in integers, exactly ours, beside what MLPerf Tiny published of it; and how long estimates take.
"""

import argparse
import json
import math
import shutil
import statistics
import tempfile
import time
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import onnx
import yaml

from edgekit.artifacts.export import export
from edgekit.core.host import this_host
from edgekit.devices import catalog
from edgekit.devices.articles import NETWORKS
from edgekit.devices.catalog import RATES, Published, calibrations, devices, published
from edgekit.devices.cost import Accelerator, Cycles, Rates, Roofline, milliseconds
from edgekit.devices.estimate import estimates
from edgekit.devices.layers import Layer, Precision, total_macs, total_weights
from edgekit.devices.read import read
from edgekit.library import load
from edgekit.pipeline import compress
from edgekit.recipe import Recipe
from edgekit.store.store import Store
from tests.benchmarks.devices_fit import Fitted, Seen, fit, usual
from tests.benchmarks.published_networks import network
from tests.benchmarks.table import line, report

COUNTS = 0.05  # what is built must have the row's multiply-accumulates and parameters within this; some are rounded
FEW = 8  # rows; with fewer the band is not told by them alone
BAND_OF_FEW = 1.5
FROM_FLOAT = 0.3  # how far the few rows of integers may move from twice the float rates
TINY = 0.2  # how far the four rows of MLPerf Tiny may move the proportions of cycles


@dataclass(frozen=True)
class Group:
    """Rows of one board, runtime and precision, which share rates.

    Attributes:
        device: of our catalog.
        board, rows: the rows' device, and how their runtime begins.
        prior: another group (its key) that these few rows start from.
        limit: of the mean error of networks left out; None where nothing is promised.
    """

    device: str
    board: str
    rows: str
    runtime: str
    precision: Precision
    csv_precision: str
    threads: int | None = None
    limit: float | None = None
    start: Rates | None = None
    prior: str = ""

    @property
    def key(self) -> str:
        return "/".join([self.device, self.board, self.rows, self.csv_precision, str(self.threads or "")])


def _ncnn(device: str, board: str, precision: Precision, limit: float | None, threads: tuple[int, ...] = (4, 1)):
    """Groups of ncnn's own benchmark; integers start from the float rates of as many threads."""
    rows, runtime = ("ncnn Vulkan", "ncnn on the GPU") if "GPU" in device else ("ncnn CPU", "ncnn")
    device = device.removesuffix(" GPU")
    return [Group(device, board, rows, runtime, precision, precision, number, limit) for number in threads]


def _integers(device: str, board: str, limit: float, threads: tuple[int, ...], of: str) -> list[Group]:
    return [
        Group(device, board, "ncnn CPU", "ncnn", "int8", "int8", number, limit,
              prior="/".join([device, board, "ncnn CPU", of, str(number)]))
        for number in threads
    ]  # fmt: skip


ZERO, THREE = "Raspberry Pi Zero 2 W (BCM2710A1 4xA53@1.0GHz)", "Raspberry Pi 3B+ (BCM2837B0 4xA53@1.4GHz)"
FOUR, FIVE = "Raspberry Pi 4B (BCM2711B0 4xA72@1.8GHz)", "Raspberry Pi 5 (BCM2712 4xA76@2.4GHz)"
GEN2, GEN3 = "Snapdragon 8 Gen 2 (SM8550-AB)", "Snapdragon 8 Gen 3 (Galaxy S24)"
QCS, PLUS = "QCS8550 proxy (Snapdragon 8 Gen 2 class)", "Snapdragon 855+ (SM8150-AC)"
EIGHT, N5105 = "Snapdragon 888 (X1+3xA78+4xA55)", "Intel Celeron N5105"
USB, DEV = "Coral USB Accelerator (USB3, desktop host)", "Coral Dev Board Edge TPU"
NPU = Accelerator(rate=5000, weights_gbs=50, step_us=2, start_ms=0.2)
CORAL = Accelerator(rate=1000, weights_gbs=0.5, start_ms=1.9, cached_bytes=7e6)
M7 = Cycles(mhz=400, per_mac={"dense": 1.0, "dw": 5.0, "fc": 2.0}, per_byte=2.0, per_layer=3000)


def _tiny(device: str, board: str, rows: str, runtime: str, mhz: float) -> Group:
    return Group(device, board, f"MLPerf Tiny {rows}", runtime, "int8", "int8", 1, None,
                 M7.model_copy(update={"mhz": mhz}))  # fmt: skip


L4, H7A3 = "NUCLEO-L4R5ZI (STM32L4R5 Cortex-M4@120MHz)", "NUCLEO-H7A3ZI-Q (STM32H7A3 Cortex-M7@280MHz)"
GROUPS = [
    *_ncnn("raspberry-pi-zero-2", ZERO, "fp32", 0.12),
    *_ncnn("raspberry-pi-3b-plus", THREE, "fp32", 0.12),
    *_ncnn("raspberry-pi-4", FOUR, "fp32", 0.12),
    *_ncnn("raspberry-pi-5", FIVE, "fp16", 0.20),
    *_ncnn("snapdragon-865", PLUS, "fp16", 0.20),
    *_ncnn("pixel-6", EIGHT, "fp16", 0.20, (8,)),
    *_ncnn("snapdragon-8-gen-2", GEN2, "fp16", 0.20),
    *_ncnn("jetson-nano", "NVIDIA Jetson Nano", "fp32", None, (4,)),
    *_ncnn("jetson-orin-nano", "NVIDIA Jetson Orin Nano", "fp16", None, (6,)),
    *_ncnn("jetson-nano GPU", "NVIDIA Jetson Nano", "fp16", None, (1,)),
    *_ncnn("jetson-orin-nano GPU", "NVIDIA Jetson Orin Nano", "fp16", None, (1,)),
    *_ncnn("intel-n100", N5105, "fp32", None),
    *_integers("raspberry-pi-zero-2", ZERO, 0.35, (4, 1), "fp32"),
    *_integers("raspberry-pi-3b-plus", THREE, 0.35, (4, 1), "fp32"),
    *_integers("raspberry-pi-4", FOUR, 0.35, (4, 1), "fp32"),
    *_integers("raspberry-pi-5", FIVE, 0.35, (4, 1), "fp16"),
    *_integers("snapdragon-865", PLUS, 0.35, (4, 1), "fp16"),
    *_integers("pixel-6", EIGHT, 0.35, (8,), "fp16"),
    *_integers("snapdragon-8-gen-2", GEN2, 0.35, (4, 1), "fp16"),
    *_integers("intel-n100", N5105, 0.35, (4, 1), "fp32"),
    Group("snapdragon-8-gen-2", QCS, "AI Hub tflite", "LiteRT on the NPU", "fp16", "fp16", None, 0.20, NPU),
    Group("snapdragon-8-gen-2", QCS, "AI Hub tflite", "LiteRT on the NPU", "int8", "w8a8", None, 0.20, NPU),
    Group("snapdragon-8-gen-3", GEN3, "AI Hub tflite", "LiteRT on the NPU", "fp16", "fp16", None, 0.20, NPU),
    Group("snapdragon-8-gen-3", GEN3, "AI Hub tflite", "LiteRT on the NPU", "int8", "w8a8", None, 0.20, NPU),
    Group("coral-edge-tpu", USB, "TFLite Edge TPU", "LiteRT with the Edge TPU, USB 3", "int8", "int8", None, 0.20,
          CORAL),
    Group("coral-edge-tpu", DEV, "TFLite Edge TPU", "LiteRT with the Edge TPU, Dev Board", "int8", "int8", None, 0.20,
          CORAL),
    Group("stm32h7", "STM32H747I-DISCO (Cortex-M7@400MHz)", "STM32Cube.AI", "STM32Cube.AI 10, H747 at 400 MHz", "int8",
          "int8", 1, 0.10, M7),
    Group("stm32n6", "STM32N6570-DK (Neural-ART NPU)", "ST Edge AI Core", "ST Edge AI Core 2, NPU", "int8", "int8", 1,
          0.20, Accelerator(rate=115, weights_gbs=0.4, activations_gbs=1.7, step_us=16)),
    _tiny("stm32h7", H7A3, "v1.2 STMicroelectronics", "X-CUBE-AI 9, H7A3 at 280 MHz", 280),
    _tiny("stm32l4r5", L4, "v1.2 STMicroelectronics", "X-CUBE-AI 9", 120),
    _tiny("stm32l4r5", L4, "v1.1 plumerai", "Plumerai", 120),
    _tiny("stm32l4r5", L4, "v1.0 OctoML (microtvm_cmsis_nn", "microTVM with CMSIS-NN", 120),
    _tiny("stm32l4r5", L4, "v0.5 reference", "TensorFlow Lite Micro, 2021", 120),
    _tiny("arduino-nano-33-ble", "nRF5340-DK (Cortex-M33@128MHz)", "v1.0 OctoML (microtvm_cmsis_nn",
          "microTVM with CMSIS-NN", 128),
]  # fmt: skip


def main() -> None:
    """Fit everything and report."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--json", action="store_true")
    asked.add_argument("--write", action="store_true", help="put the rates into edgekit/devices/rates.yaml")
    given = asked.parse_args()
    made: dict[str, tuple[Group, list[Seen], Fitted]] = {}
    rows = []
    for group in GROUPS:
        seen = rows_of(group)
        before = made.get(group.prior)
        made[group.key] = group, seen, fitted(group, seen, before and before[2].rates)
        rows.append(_line(group, seen, made[group.key][2]))
    if given.write:
        write(list(made.values()))
        catalog.calibrations.cache_clear()
    with tempfile.TemporaryDirectory() as folder:
        quick = speed(Path(folder))  # first, while nothing of the file is remembered
        if given.write:
            write_networks(Path(folder))
        rows += [*resnet8(Path(folder)), quick]
    report(rows, this_host(), given.json)


def rows_of(group: Group) -> list[Seen]:
    """The published rows of a group whose networks are known here and count alike; transformers are not among them."""
    found = []
    for row in published():
        if not _is(row, group):
            continue
        layers = network(row.model, row.input, row.runtime) or _lump(row, group)
        if layers and _counts_alike(row, layers):
            found.append(Seen(f"{row.model} {row.input}", layers, row.latency_ms))
    return found


def fitted(group: Group, seen: list[Seen], before: Rates | None) -> Fitted:
    """The rates of a group, from the rates of the group that it starts from, if any."""
    if isinstance(before, Roofline):
        start = _as_fast(before, seen, group.precision)
        return fit(seen, start, group.precision, FROM_FLOAT)
    if isinstance(group.start, Cycles) and len(seen) < FEW:
        return fit(seen, _as_fast(group.start, seen, group.precision), group.precision, TINY)
    return fit(seen, group.start or usual(seen), group.precision)


def write(made: list[tuple[Group, list[Seen], Fitted]]) -> None:
    """Put all rates into the project, with what is known of their errors."""
    entries = [
        {
            "device": group.device, "measured_on": group.board, "runtime": group.runtime,
            "precision": group.precision, "threads": group.threads or 0, "networks": len(found.left_out),
            "macs": [pick(total_macs(one.layers) for one in seen) for pick in (min, max)],
            "error": round(found.error, 4), "band": round(band(found), 3), "source": _source(group),
            "rates": found.rates.model_dump(),
        }
        for group, seen, found in made
    ]  # fmt: skip
    head = "# Written by `python -m tests.benchmarks.devices --write`, from published.csv. Do not edit.\n"
    RATES.write_text(head + yaml.safe_dump(entries, sort_keys=False, width=118, allow_unicode=True), "utf-8")


def write_networks(folder: Path) -> None:
    """Put the articles' networks into the project, layer by layer: YOLOv5s as we export it, ResNet-50 as above."""
    model, file = load("yolov5s"), folder / "yolov5s.onnx"
    onnx.save(export(model.network, np.zeros((1, *model.input_shape), np.float32)), file)
    made = {"yolov5s": read(file).layers, "resnet50": network("ResNet50", "224x224x3", "Core ML")}
    columns = [field.name for field in fields(Layer) if field.name not in ("precision", "name")]
    lines = [f'"columns": {json.dumps(["name", *columns])}', f'"names": {json.dumps(list(made))}']
    for name, layers in made.items():
        rows = [[str(n), *(getattr(layer, column) for column in columns)] for n, layer in enumerate(layers)]
        lines.append(f'"{name}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]")
    NETWORKS.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


def band(found: Fitted) -> float:
    """The factor that holds 80 % of networks; that of few networks is not taken for less than is usual."""
    return max(found.band, BAND_OF_FEW) if len(found.left_out) < FEW else found.band


def resnet8(folder: Path) -> list[dict]:
    """Our own ResNet-8 in integers: its estimates beside the published rows of the same network, board and runtime."""
    network_read = read(_integer_resnet8(folder))
    rows = []
    for group in GROUPS:
        if not group.rows.startswith(("MLPerf Tiny", "STM32Cube")):
            continue
        said = next(r for r in published() if _is(r, group) and r.model.startswith("ResNet-8"))
        one = next(
            c for c in calibrations()[group.device] if c.measured_on == group.board and c.runtime == group.runtime
        )
        found = milliseconds(one.rates, network_read.layers, one.precision)
        if devices()[group.device].mhz:  # the catalog's rates are at its own clock
            found *= devices()[group.device].mhz / group.start.mhz
        times = f"{found:.1f} ms, published {said.latency_ms:.1f}"
        what = f"our ResNet-8 in integers on {group.board}, {group.runtime}: {times}"
        rows.append(line(what, abs(found / said.latency_ms - 1), None))
    return rows


def speed(folder: Path) -> dict:
    """Seconds for the estimates of all devices of one file, opened anew; ResNet-8 in integers."""
    file = _integer_resnet8(folder)
    devices(), calibrations(), published()
    started = time.perf_counter()
    found = estimates(file)
    seconds = time.perf_counter() - started
    return line(f"estimates of one file for {len(found)} devices, in seconds", seconds, 0.3, digits=3)


def _integer_resnet8(folder: Path) -> Path:
    file = folder / "resnet8.onnx"
    if not file.exists():
        run = compress(load("resnet8-cifar10"), Recipe.parse("quantize_static"), store=Store.open(folder), samples=100)
        shutil.copyfile(run.artifact.path, file)
    return file


def _is(row: Published, group: Group) -> bool:
    mine = (row.device, row.precision, row.threads) == (group.board, group.csv_precision, group.threads)
    return mine and row.runtime.startswith(group.rows)


def _line(group: Group, seen: list[Seen], found: Fitted) -> dict:
    threads = f", {group.threads} threads" if (group.threads or 1) > 1 else ", 1 thread" if group.threads else ""
    what = (
        f"{group.device}, {group.runtime}, {group.precision}{threads}: mean error over {len(found.left_out)} networks"
    )
    worst = max(found.left_out, key=lambda name: abs(math.log(found.left_out[name])))
    return line(
        what, found.error, group.limit, band=round(band(found), 2), worst=[worst, round(found.left_out[worst], 2)]
    )


def _counts_alike(row: Published, layers: list[Layer]) -> bool:
    pairs = ((row.macs, total_macs(layers)), (row.params, total_weights(layers)))
    return all(said is None or abs(ours / said - 1) <= COUNTS for said, ours in pairs)


def _lump(row: Published, group: Group) -> list[Layer] | None:
    """Of a network that is not known layer by layer, its counts: enough where a layer by itself costs nothing."""
    whole = isinstance(group.start, Accelerator) and not group.start.step_us and not group.start.activations_gbs
    return [Layer("all", "conv", int(row.macs), int(row.params), 0, 0)] if whole and row.macs and row.params else None


def _as_fast(rates: Rates, seen: list[Seen], precision: Precision) -> Rates:
    """The rates, all scaled alike so that they are right for the middle network."""
    factor = statistics.median(milliseconds(rates, one.layers, precision) / one.latency_ms for one in seen)
    if isinstance(rates, Roofline):
        faster = {"rates": {kind: rate * factor for kind, rate in rates.rates.items()}}
        return rates.model_copy(update=faster)
    per_mac = {kind: cycles / factor for kind, cycles in rates.per_mac.items()}
    rest = {"per_byte": rates.per_byte / factor, "per_layer": rates.per_layer / factor}
    return rates.model_copy(update={"per_mac": per_mac, **rest})


def _source(group: Group) -> str:
    row = next(p for p in published() if p.device == group.board and p.runtime.startswith(group.rows))
    return row.source


if __name__ == "__main__":
    main()
