"""What the loops of other toolkits share: the clock, the folder for their files, and how they look at a file.

Plain code, as a user of ONNX Runtime writes it. A loop is a script `python SCRIPT GRAPH SAMPLES SETTINGS`, as the
package says; its samples are `calibration`, `inputs` (both float32, (n, ...)) and the `labels` (n,) of the latter, by
which it may choose, and its settings hold `folder`, for its files, and `minutes`. It prints {"files": [[file, seconds,
how], …], "seconds": all that it took}. A file counts from when the loop knows what it is worth.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

BATCH, WARM_UP_RUNS, TIMED_RUNS = 100, 20, 100
Make = Callable[[], onnx.ModelProto]


@dataclass
class Offers:
    """The files of a loop that ends when its time is up.

    Attributes:
        graph: the float network; `name` is that of its input.
        samples, settings: as above.
        files: what is printed at the end.
    """

    graph: onnx.ModelProto
    samples: dict[str, np.ndarray]
    settings: dict[str, Any]
    files: list[tuple[str, float, str]] = field(default_factory=list)

    def __post_init__(self):
        self.name = self.graph.graph.input[0].name
        self._started = time.perf_counter()

    @classmethod
    def asked(cls) -> "Offers":
        """From the words on the command line. The clock starts here."""
        path, samples, settings = sys.argv[1:]
        return cls(onnx.load(path), dict(np.load(samples)), json.loads(settings))

    @property
    def seconds(self) -> float:
        """Since the loop began."""
        return time.perf_counter() - self._started

    @property
    def time_is_up(self) -> bool:
        """Whether no other trial may begin."""
        return self.seconds > 60 * self.settings["minutes"]

    def batches(self, count: int, size: int) -> list[dict[str, np.ndarray]]:
        """The first calibration samples, as a session takes them, in whole batches: ONNX Runtime wants them alike."""
        few = self.samples["calibration"][: max(count, size)]
        return [{self.name: few[start : start + size]} for start in range(0, len(few) - size + 1, size)]

    def tried(self, how: str, make: Make) -> tuple[float, int, float] | None:
        """Make a file, look at it, and keep it.

        Returns:
            Accuracy, bytes and milliseconds; None if the toolkit or ONNX Runtime refuses these settings.
        """
        try:
            graph = make().SerializeToString()
            session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
            found = self._accuracy(session), len(graph), self._latency(session)
        except Exception as error:  # one of many settings
            print(f"{how}: {type(error).__name__}: {error}", file=sys.stderr)
            return None
        file = f"{len(self.files)}.onnx"
        (Path(self.settings["folder"]) / file).write_bytes(graph)
        self.files.append((file, self.seconds, how))
        return found

    def try_all(self, candidates: Iterable[tuple[str, Make]]) -> None:
        """Try one after the other until the time is up, and print what came of it."""
        for how, make in candidates:
            if self.time_is_up:
                break
            self.tried(how, make)
        self.tell()

    def tell(self) -> None:
        """The last line that the script prints."""
        print(json.dumps({"files": self.files, "seconds": self.seconds}))

    def _accuracy(self, session: onnxruntime.InferenceSession) -> float:
        inputs, labels = self.samples["inputs"], self.samples["labels"]
        parts = (inputs[start : start + BATCH] for start in range(0, len(inputs), BATCH))
        answers = np.concatenate([session.run(None, {self.name: part})[0].argmax(1) for part in parts])  # (n,)
        return float((answers == labels).mean())

    def _latency(self, session: onnxruntime.InferenceSession) -> float:
        times, one = [], {self.name: self.samples["inputs"][:1]}
        for _ in range(WARM_UP_RUNS + TIMED_RUNS):
            started = time.perf_counter()
            session.run(None, one)
            times.append(1e3 * (time.perf_counter() - started))
        return float(np.median(times[WARM_UP_RUNS:]))
