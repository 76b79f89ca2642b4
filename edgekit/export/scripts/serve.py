"""Serves one script of this folder to the process that started it. Imports no EdgeKit: it may run in any Python.

    python -I serve.py SCRIPT [FOLDER …]

A script has `convert(job, tell)`, `opened(path, threads)` or both; FOLDERs are where the parent found its packages.
What `opened` returns runs inputs; where they must first become integers, or outputs floats again, it has `prepare` and
`finish`, which are not timed.
One line of JSON comes in for each job, and lines of JSON go out: {"progress": fraction, "what": …} now and then, at the
end of each job {"result": …} or {"error": …}. Whatever else is printed, by a library in C too, goes to stderr. The
process ends when its input closes, which it does when the parent ends.

    {"do": "convert", …}                          what the script's `convert` makes of the job
    {"do": "open", "path": …, "threads": n}       opens a file, or opens it again
    {"do": "answer", "inputs": a.npy, "outputs": b.npy, "batch": b}     runs samples, `batch` at a time
    {"do": "time", "inputs": a.npy, "runs": n, "untimed": m}            nanoseconds of each run of the first sample
"""

import contextlib
import gc
import importlib.util
import json
import os
import queue
import signal
import sys
import threading
import time

sys.path.extend(path for path in sys.argv[2:] if path not in sys.path)  # where the parent found numpy

import numpy as np

try:
    import resource
except ImportError:  # Windows has none
    resource = None

REPORT_SECONDS = 0.2


def main() -> None:
    """Do jobs until the input closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(**message: object) -> None:
        out.write(json.dumps(message) + "\n")
        out.flush()

    jobs: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=listen, args=(jobs,), daemon=True).start()
    served = Served(tell)
    while True:
        job = json.loads(jobs.get())
        try:
            tell(result=served.do(job))
        except Exception as error:  # whatever a converter or runtime raises is told to the parent
            kind, text = type(error).__name__, " ".join(str(error).split())
            own_words = text and type(error) is RuntimeError  # a script's, or a tool's that has no kinds of errors
            tell(error=text if own_words else f"{kind}: {text}" if text else kind)


def listen(jobs: queue.SimpleQueue) -> None:
    """Take jobs, and end this process at once when the parent is gone, whatever it is doing."""
    with contextlib.suppress(ValueError):
        for line in sys.stdin:
            jobs.put(line)
    os._exit(0)


class Served:
    """A script, and the file that it has open."""

    def __init__(self, tell: object):
        self.tell, self.run = tell, None
        name = sys.argv[1]
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{name}.py")
        spec = importlib.util.spec_from_file_location(f"edgekit_{name}", path)
        self.script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.script)

    def do(self, job: dict) -> object:
        """One of the jobs above."""
        if job["do"] == "convert":
            return self.script.convert(job, lambda fraction, what: self.tell(progress=fraction, what=what))
        if job["do"] == "open":
            self.run = None
            self.run = self.script.opened(job["path"], job["threads"])
            self.prepare = getattr(self.run, "prepare", lambda inputs: inputs)
            self.finish = getattr(self.run, "finish", lambda outputs: outputs)
            return {"version": self.script.version()}
        return self.answer(job) if job["do"] == "answer" else self.times(job)

    def answer(self, job: dict) -> None:
        """Outputs (n, …) of inputs (n, …) into a file."""
        inputs, batch, told = np.load(job["inputs"]), job["batch"], time.monotonic()
        rows = []
        for start in range(0, len(inputs), batch):
            rows.append(np.asarray(self.finish(self.run(self.prepare(inputs[start : start + batch])))))
            if time.monotonic() - told > REPORT_SECONDS:
                told = time.monotonic()
                self.tell(progress=start / len(inputs), what=f"{start:,} of {len(inputs):,} samples")
        np.save(job["outputs"], np.concatenate(rows).astype(np.float32))

    def times(self, job: dict) -> dict:
        """Nanoseconds of each run, and whether the system left this process the processor all along."""
        sample = np.ascontiguousarray(self.prepare(np.load(job["inputs"])[:1]))
        run, clock, times = self.run, time.perf_counter_ns, []
        gc.disable()
        for _ in range(job["untimed"]):
            run(sample)
        before = preemptions()
        for _ in range(job["runs"]):
            started = clock()
            run(sample)
            times.append(clock() - started)
        calm = preemptions() == before
        gc.enable()
        return {"times": times, "calm": calm}


def preemptions() -> int:
    """How often the system took the processor from this process so far; always 0 where it does not tell."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw if resource is not None else 0


if __name__ == "__main__":
    main()
