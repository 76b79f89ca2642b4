"""The program of the child process: runs files where nothing else runs. Started by its path; imports no EdgeKit, but
for `whole`, which times EdgeKit's own preprocessing as well.

One line of JSON comes in, {"do": "time" | "replay" | "whole" | "memory" | "profile", …}. Lines of JSON go out:
{"ready": true} once all is imported, {"progress": fraction} now and then, and at the end {"result": …} or
{"error": kind, "text": …, "path": …}.
A process that waits ends by itself when its parent does, because its input then closes.
"""

import sys

sys.path.extend(path for path in sys.argv[1:] if path not in sys.path)  # where the parent found numpy and onnxruntime

import gc
import itertools
import json
import os
import signal
import tempfile
import time
from collections.abc import Callable

import numpy as np
import onnxruntime

try:
    import resource
except ImportError:  # Windows has none
    resource = None

WARM_UP_RUNS, WARM_UP_SECONDS = 3, 0.004
BLOCK_SECONDS = 0.001  # a turn of two must fit in what a busy system gives a process at a time, about 4 ms
LEAST_TURNS = 6  # of which least and greatest enclose the median with 97 %, however slow the files are
RELOADED_SECONDS = (
    0.005  # a file that runs faster first runs untimed, to have back what the other pushed from the cache
)
WANTED_CALM_TURNS, PATIENCE = 30, 4.0  # on a busy system, up to so many times the planned turns to get so many
LEAST_CALM_TURNS, MOST_PATIENCE = 9, 10.0  # and these, without which disturbed turns must count as well
PROBE_STEPS, PROBES = 500, 20  # of plain arithmetic, some 15 microseconds; alone it takes the same within 5 %, but
HINDERED = 1.2  # times as long and more where another tenant of the host computes on the same core: 1.5 was seen
LEAST_OPENINGS, MOST_OPENINGS, SHARE_OF_OPENING, SLOW_OPENING_SECONDS = 3, 12, 0.15, 0.1
PROFILED_RUNS = 400
LEVELS = {
    "disabled": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,  # the default
}
REPORT_SECONDS = 0.1


def main() -> None:
    """Do the one job that comes in."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    tell(ready=True)
    line = sys.stdin.readline()
    if not line:
        return
    job = json.loads(line)
    gc.disable()
    verbs: dict[str, Callable[[dict], object]] = {
        "time": timed, "replay": replayed, "whole": whole, "memory": peak_bytes, "profile": profiled
    }  # fmt: skip
    try:
        tell(result=verbs[job["do"]](job))
    except Refused as refused:
        tell(**refused.args[0])


class Refused(Exception):
    """ONNX Runtime would not open or run a file."""


def timed(job: dict) -> dict:
    """Run one file, or several by turns, in short blocks.

    Several openings of each file take part: where its buffers happen to lie in memory was seen to make 0.5 % of
    difference (one standard deviation) for files that run for 0.1 ms and more, and 3 % at 0.015 ms.

    Args:
        job: "paths", "levels" (of optimisation, one for each path; "all" where absent), "threads", "seconds" (of
            running, all files together), "least" (runs of each file), "longest" (seconds after which `least` no longer
            counts, but LEAST_TURNS does), "quickest" (see `Core`).

    Returns:
        "runs": per opening, per path, per block, the nanoseconds of every run; "undisturbed": per opening and turn,
        whether this process had its core to itself all along; "quickest" (see `Core`).
    """
    paths, threads, core = job["paths"], job["threads"], Core(job["quickest"])
    levels = job.get("levels") or ["all"] * len(paths)
    started = time.perf_counter()
    files = [Opened(path, threads, level) for path, level in zip(paths, levels, strict=True)]
    if sum(file.seconds for file in files) < job["seconds"]:  # the first time also started the runtime
        files = [Opened(path, threads, level) for path, level in zip(paths, levels, strict=True)]
    opening = sum(file.seconds for file in files)
    per_run = [warmed_up(file) for file in files]
    sizes = [max(1, round(BLOCK_SECONDS / seconds)) for seconds in per_run]
    untimed = [int(seconds < RELOADED_SECONDS) for seconds in per_run]
    turn = sum((size + more) * seconds for size, more, seconds in zip(sizes, untimed, per_run, strict=True))
    affordable = int(SHARE_OF_OPENING * max(job["seconds"], turn) / opening)
    openings = min(MOST_OPENINGS, max(affordable, 1 if opening > SLOW_OPENING_SECONDS else LEAST_OPENINGS))
    turns = max(job["seconds"] / turn, job["least"] / min(sizes))
    turns = int(max(1, np.ceil(turns / openings)))
    runs, undisturbed, last_report = [], [], 0.0
    taken = undisturbed_turns = 0
    for number in range(openings):
        share, planned = (number + 1) / openings, (number + 1) * turns
        if number:
            order = list(range(len(paths)))
            for place in order if number % 2 else order[::-1]:  # who is opened first gets the other memory
                files[place] = Opened(paths[place], threads, levels[place])
            for file in files:
                warmed_up(file)
        blocks: list[list[list[int]]] = [[] for _ in paths]
        calm: list[bool] = []
        while (
            len(calm) < turns
            or (undisturbed_turns < share * WANTED_CALM_TURNS and taken < planned * PATIENCE)
            or (undisturbed_turns < share * LEAST_CALM_TURNS and taken < planned * MOST_PATIENCE)
        ):
            core.begin()
            order = list(range(len(files)))
            for place in order if len(calm) % 2 else order[::-1]:  # A B B A: steady drift cancels out
                blocks[place].append(files[place].times(sizes[place] + untimed[place])[untimed[place] :])
                core.look()
            calm.append(core.was_ours())
            taken, undisturbed_turns = taken + 1, undisturbed_turns + calm[-1]
            now = time.perf_counter()
            if now - last_report > REPORT_SECONDS:
                last_report = now
                tell(progress=(number + min(1.0, len(calm) / turns)) / openings)
            if now - started > job["longest"] and taken >= LEAST_TURNS:
                break
        runs.append(blocks)
        undisturbed.append(calm)
        if time.perf_counter() - started > job["longest"] and taken >= LEAST_TURNS:
            break
    version = onnxruntime.__version__
    return {"runs": runs, "undisturbed": undisturbed, "quickest": core.quickest, "version": version}


def replayed(job: dict) -> dict:
    """Run a sequence of inputs through several files by turns, each time from its beginning.

    Args:
        job: "paths", "threads", "seconds" (of running), "least" (turns), "frames" (path of a .npy file, (frames, …):
            each is the first input of a run), "carried" (per path: further input -> the output that it is in the next
            run; infinite at the beginning).

    Returns:
        "runs": per path, per turn, the nanoseconds of every frame.
    """
    frames = np.load(job["frames"])
    files = [Opened(path, job["threads"]) for path in job["paths"]]
    for file, carried in zip(files, job["carried"], strict=True):
        file.replay(frames, carried)  # warms up
    runs: list[list[list[int]]] = [[] for _ in files]
    started, turns = time.perf_counter(), 0
    while turns < job["least"] or time.perf_counter() - started < job["seconds"]:
        order = list(range(len(files)))
        for place in order if turns % 2 else order[::-1]:
            runs[place].append(files[place].replay(frames, job["carried"][place]))
        turns += 1
        tell(progress=min(1.0, turns / job["least"], (time.perf_counter() - started) / job["seconds"]))
    return {"runs": runs, "version": onnxruntime.__version__}


def whole(job: dict) -> dict:
    """From the file of a sample to the answer, the network's files by turns.

    Args:
        job: "paths", "threads", "seconds", "samples" (paths of .png, .wav, .txt or .npy files), "preprocessing" (as a
            card holds it), "task" (its id), "edgekit" (the folder that it is imported from).

    Returns:
        "runs": per path, per run, the nanoseconds of decoding, preparing, running, and reading the answer.
    """
    sys.path.append(job["edgekit"])
    from pydantic import TypeAdapter

    from edgekit.core.preprocessing import AnyPreprocessing
    from edgekit.data.reading import sample
    from edgekit.tasks import task

    prepared, asked = TypeAdapter(AnyPreprocessing).validate_python(job["preprocessing"]), task(job["task"])
    files = [Opened(path, job["threads"]) for path in job["paths"]]
    contents = [(name, open(name, "rb").read()) for name in job["samples"]]  # noqa: SIM115, PTH123
    clock = time.perf_counter_ns

    def once(file: Opened, name: str, content: bytes) -> list[int]:
        times = [clock()]
        raw = sample(name, content)
        times.append(clock())
        inputs = prepared(raw[None])
        times.append(clock())
        found = asked.run(file.answer, inputs)
        times.append(clock())
        asked.answers(found), asked.confidences(found)
        times.append(clock())
        return [after - before for before, after in itertools.pairwise(times)]

    for file, (name, content) in itertools.product(files, contents):  # warms up
        once(file, name, content)
    runs: list[list[list[int]]] = [[] for _ in files]
    started, passes = time.perf_counter(), 0
    while time.perf_counter() - started < job["seconds"] * len(files):
        order = list(range(len(files)))
        for place in order if passes % 2 else order[::-1]:  # all samples of one, since caches hold what went before
            runs[place] += [once(files[place], name, content) for name, content in contents]
        passes += 1
    return {"runs": runs, "version": onnxruntime.__version__}


def peak_bytes(job: dict) -> dict:
    """How far loading and running a file lifts this process's peak of resident memory."""
    if os.path.exists("/proc/self/clear_refs"):
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # forget the peak of the imports
    before = peak()
    opened = Opened(job["paths"][0], job["threads"])
    opened.times(3)
    return {"bytes": max(0, peak() - before), "version": onnxruntime.__version__}


def profiled(job: dict) -> dict:
    """The mean kernel time of every node in ms, by ONNX Runtime's own profiler, its operator, and of how many runs."""
    with tempfile.TemporaryDirectory() as folder:
        quick = Opened(job["paths"][0], job["threads"])
        runs = max(job["least"], min(PROFILED_RUNS, int(job["seconds"] / warmed_up(quick))))
        watched = Opened(job["paths"][0], job["threads"], profile=os.path.join(folder, "profile"))
        for number in range(runs):
            watched.times(1)
            tell(progress=(number + 1) / runs)
        with open(watched.session.end_profiling(), encoding="utf-8") as file:
            events = json.load(file)
    nodes: dict[str, list[float]] = {}
    kinds: dict[str, str] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            name = event["name"].removesuffix("_kernel_time")
            nodes.setdefault(name, []).append(event["dur"] / 1000)
            kinds[name] = event["args"]["op_name"]
    return {"nodes": {name: trimmed_mean(times) for name, times in nodes.items()}, "kinds": kinds, "runs": runs}


class Opened:
    """A file in a plain session, with inputs that it takes, and the seconds of processor time that opening it took."""

    def __init__(self, path: str, threads: int, level: str = "all", profile: str = ""):
        started = time.process_time()
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = LEVELS[level]
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if profile:
            options.enable_profiling, options.profile_file_prefix = True, profile
        self.path = path
        try:
            self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            generator = np.random.default_rng(0)
            self.inputs = {entry.name: sample(entry, generator) for entry in self.session.get_inputs()}
            self.session.run(None, self.inputs)
        except Exception as error:
            raise Refused({"error": type(error).__name__, "text": str(error), "path": path}) from error
        self.seconds = max(time.process_time() - started, 1e-6)

    def times(self, runs: int) -> list[int]:
        """Nanoseconds of each of so many runs."""
        run, inputs, clock, times = self.session.run, self.inputs, time.perf_counter_ns, []
        for _ in range(runs):
            started = clock()
            run(None, inputs)
            times.append(clock() - started)
        return times

    def answer(self, inputs: np.ndarray) -> np.ndarray:
        """What the file puts out first for one input."""
        (name, wanted), *_ = self.inputs.items()
        return self.session.run(None, {name: inputs.astype(wanted.dtype, copy=False)})[0]

    def replay(self, frames: np.ndarray, carried: dict[str, str]) -> list[int]:
        """Nanoseconds of each frame; see `replayed`."""
        (first, *_), outputs = self.session.get_inputs(), [entry.name for entry in self.session.get_outputs()]
        places = {name: outputs.index(output) for name, output in carried.items()}
        state = {name: np.full_like(self.inputs[name], np.inf) for name in carried}
        run, clock, times = self.session.run, time.perf_counter_ns, []
        for frame in frames:
            inputs = {first.name: frame[None], **state}
            started = clock()
            found = run(None, inputs)
            times.append(clock() - started)
            state = {name: found[place] for name, place in places.items()}
        return times


class Core:
    """Tells whether this process had its core to itself.

    The system tells how often it gave the processor to somebody else. It cannot tell of another machine on the same
    host, whose work on the other half of a core slows ours: a few steps of plain arithmetic before and after show that.

    Args:
        known: the least nanoseconds that these steps took lately; 0 where that is not known.

    Attributes:
        quickest: the least that they took here.
    """

    def __init__(self, known: int):
        self._known, self.quickest = known, min(probe() for _ in range(PROBES))
        self.begin()

    def begin(self) -> None:
        """From here on."""
        self._preempted, self._slowest = preemptions(), 0
        self.look()

    def look(self) -> None:
        """See how fast the core is at the moment."""
        took = probe()
        self._slowest, self.quickest = max(self._slowest, took), min(self.quickest, took)

    def was_ours(self) -> bool:
        """Whether nobody was seen to hinder it since the beginning."""
        alone = min(self.quickest, self._known or self.quickest)
        return preemptions() == self._preempted and self._slowest <= HINDERED * alone


def probe() -> int:
    """Nanoseconds that plain arithmetic takes."""
    started, total = time.perf_counter_ns(), 0
    for number in range(PROBE_STEPS):
        total += number * number
    return time.perf_counter_ns() - started


def warmed_up(file: Opened) -> float:
    """Run a file until caches and branch predictors know it; returns the seconds that a run takes undisturbed."""
    times, until = [], time.perf_counter() + WARM_UP_SECONDS
    while len(times) < WARM_UP_RUNS or time.perf_counter() < until:
        times += file.times(1)
    return min(times) / 1e9


def preemptions() -> int:
    """How often the system took the processor from this thread so far; always 0 where it does not tell."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nivcsw if hasattr(resource, "RUSAGE_THREAD") else 0


def sample(entry: object, generator: np.random.Generator) -> np.ndarray:
    """Random values, the same every time, in the shape that an input wants; free dimensions are 1."""
    shape = [size if isinstance(size, int) else 1 for size in entry.shape]
    kind = entry.type.removeprefix("tensor(").removesuffix(")")
    if kind in ("float", "double", "float16"):
        return generator.standard_normal(shape).astype({"float": "f4", "double": "f8", "float16": "f2"}[kind])
    if kind == "bool":
        return np.ones(shape, bool)
    if kind in ("uint8", "int8"):
        return generator.integers(0, 128, shape).astype(kind)
    if kind in ("int16", "int32", "int64", "uint16", "uint32", "uint64"):
        return generator.integers(0, 2, shape).astype(kind)  # small enough for an index into any table
    raise TypeError(f"input {entry.name} is of type {entry.type}, for which there are no random values")


def peak() -> int:
    """The most bytes of memory that this process held at a time so far."""
    if os.path.exists("/proc/self/status"):
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) * 1024
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS counts in bytes


def trimmed_mean(times: list[float]) -> float:
    """Without the slowest tenth, which something else disturbed; the clock is too coarse for a median."""
    times = sorted(times)
    return float(np.mean(times[: max(1, len(times) * 9 // 10)]))


def tell(**message: object) -> None:
    """One line to the parent."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
