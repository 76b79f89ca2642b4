"""The uncompressed network: what to begin with."""

from edgekit.search.advice._case import Advice, Case, milliseconds, size


def advice(case: Case) -> Advice | None:
    """Said of a baseline; offers the step that pays most often."""
    if not case.run.is_baseline or not {"size_bytes", "latency_ms"} <= case.run.measurements.keys():
        return None
    bytes_now, time_now = (case.run.measurements[m].value for m in ("size_bytes", "latency_ms"))
    return Advice(
        "Begin with 8-bit integers",
        f"This is the network as it is: {size(bytes_now)}, {milliseconds(time_now)}. Static 8-bit quantization makes "
        "most networks about four times smaller and faster at once, for a few tenths of a point, without training.",
        [{"quantize_static": {}}],
        tone="next",
        promises=("size_bytes", "latency_ms"),
    )
