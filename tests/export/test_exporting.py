"""A run's file in other formats: made, run in its own runtime, and what went wrong there is said in red."""

import numpy as np
import onnx
import pytest

from edgekit.core.errors import Cancelled, ExportError
from edgekit.core.run import Status
from edgekit.data.splits import load as load_data
from edgekit.export.check import checked, judged, keeps
from edgekit.export.exported import REPORT, kept
from edgekit.export.exporting import all_of, export, place
from edgekit.export.format import Converted
from edgekit.export.formats import formats
from edgekit.library import load
from edgekit.store.store import Store
from tests.export.runs import FOUR_BITS, INTEGERS, graph, saved
from tests.factories import a_stopped_run

pytestmark = pytest.mark.usefixtures("own_store")
SAMPLES = 100
PERSONS = ("litert", "tflite_micro", "executorch", "coreml")


def needs(name: str) -> None:
    """Skip where the tools of a format are not installed."""
    if missing := formats()[name].missing():
        pytest.skip(f"{name} {missing}")


@pytest.mark.parametrize("steps", [(), (INTEGERS,), (FOUR_BITS,), ("prune_channels,sparsity=0.5",)], ids=str)
@pytest.mark.parametrize("name", ["onnx", "ort", "openvino"])
def test_a_format_of_graphs_answers_as_the_file_does_and_keeps_what_it_holds(name, steps, tmp_path):
    needs(name)
    found = export(saved(tmp_path, *steps).id, name, tmp_path / "out", samples=SAMPLES)
    assert (found.problems, found.disagreements, found.points_lost) == ([], 0, 0.0)
    assert (found.samples, found.again) == (SAMPLES, False)
    assert found.latency.value > 0
    assert all((tmp_path / "out" / file).stat().st_size == size for file, size in found.files.items())
    assert kept(tmp_path / "out") == found


def test_ncnn_takes_floats_and_halves_their_bytes(tmp_path):
    needs("ncnn")
    run = saved(tmp_path, FOUR_BITS)
    whole, half = (export(run.id, "ncnn", tmp_path / p, precision=p, samples=SAMPLES) for p in ("fp32", "fp16"))
    assert (whole.problems, half.problems) == ([], [])
    assert half.size_bytes == pytest.approx(whole.size_bytes / 2, rel=0.05)
    assert whole.operators["Convolution"] == 2


def test_ncnn_refuses_integers(tmp_path):
    with pytest.raises(ExportError, match=r"^ncnn: a file whose activations are rounded is not taken"):
        export(saved(tmp_path, INTEGERS).id, "ncnn", tmp_path / "out")


def test_what_ncnn_cannot_load_is_named(tmp_path):
    needs("ncnn")
    model = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["": 17]>
        g (float[1, 5, 3] input) => (float[5, 1, 1, 4] output) <float[1, 12, 3] w, float[1, 12, 4] r>
        { output, last = GRU <hidden_size = 4> (input, w, r) }""")
    generator = np.random.default_rng(0)
    for name, shape in (("w", (1, 12, 3)), ("r", (1, 12, 4))):
        model.graph.initializer.append(onnx.numpy_helper.from_array(generator.random(shape, np.float32), name))
    job = {"source": str(tmp_path / "gru.onnx"), "target": str(tmp_path / "gru.ncnn.param"), "precision": "fp32"}
    onnx.save(model, job["source"])
    with pytest.raises(ExportError, match=r"^ncnn refused: it cannot load .* leaves out hidden_size"):
        formats()["ncnn"]._ask(job | {"shape": "[1,5,3]f32"}, lambda fraction, what: None)


@pytest.mark.parametrize("name", PERSONS)
def test_a_format_that_starts_from_floats_keeps_integers_integers_and_says_so(name, tmp_path):
    needs(name)
    kind, steps = formats()[name], () if name == "coreml" else (INTEGERS,)
    found = export(saved(tmp_path, *steps).id, name, tmp_path / "out", samples=SAMPLES)
    assert found.again
    assert found.problems == []
    assert (found.quality is not None) == kind.runs
    if steps:
        assert found.size_bytes < 0.3 * 4 * 431_080


def test_tensorrt_gets_the_script_that_builds_its_engine(tmp_path):
    found = export(saved(tmp_path, INTEGERS).id, "tensorrt", tmp_path / "out")
    assert "trtexec --onnx=lenet5-fashion-quantize_static.onnx" in (tmp_path / "out" / "build_engine.sh").read_text()
    assert found.notes == [
        "Its activations have zero points, which TensorRT refuses: quantize with symmetric 8-bit integers.",
        "An engine is built on the NVIDIA device that will run it: nothing of it is run here.",
    ]
    assert (found.samples, found.quality) == (0, None)


def test_a_file_that_answers_otherwise_is_a_problem_and_shown(tmp_path):
    good, other = saved(tmp_path), saved(tmp_path, "prune_weights,sparsity=0.98")
    model, samples = load("lenet5-fashion"), load_data("fashion-mnist").evaluation.take(SAMPLES)
    with Store.open() as store:
        wrong, right = store.file(other.artifact.sha256), store.file(good.artifact.sha256)
    planted = Converted(wrong.name, [wrong.name])
    found = checked(formats()["onnx"], planted, wrong.parent, right, model, samples, lambda fraction, what: None)
    lost, otherwise = found["problems"]
    assert lost.startswith("Accuracy is ")
    assert lost.endswith(" points below the ONNX file's; at most 0.5 is good.")
    assert otherwise == (
        f"It answers {found['disagreements']} of 100 samples differently from the ONNX file; at most 1% is good."
    )


def test_outputs_that_are_no_numbers_are_a_problem_even_where_the_answer_is_right():
    model, samples = load("lenet5-fashion"), load_data("fashion-mnist").evaluation.take(4)
    before = np.eye(10, dtype=np.float32)[[0, 0, 1, 2]]
    after = before.copy()
    after[0, 9] = -np.inf
    assert judged(before, before, samples, model.task).problems == []
    found = judged(before, after.reshape(4, 10, 1, 1), samples, model.task)
    assert (found.disagreements, found.problems) == (0, ["Its outputs hold NaN or infinity for 1 of 4 samples."])


def test_more_outputs_than_the_file_has_are_refused():
    model, samples = load("lenet5-fashion"), load_data("fashion-mnist").evaluation.take(2)
    with pytest.raises(ExportError) as refused:
        judged(np.zeros((2, 10)), np.zeros((2, 20)), samples, model.task)
    assert str(refused.value) == (
        "the exported file must put out 10 numbers for a sample, as the ONNX file does, but puts out 20. Take another "
        "format: this one cannot hold the network."
    )


def test_floats_that_take_more_bytes_than_their_number_are_a_problem(tmp_path):
    floats = graph(saved(tmp_path))
    count = _count(floats)
    assert keeps(Converted("x", ["x"]), "fp32", floats, 4 * count) == []
    assert keeps(Converted("x", ["x"]), "fp16", floats, 4 * count) == [
        f"It takes {4 * count:,} bytes for {count:,} weights: more than its numbers would."
    ]


def test_integers_that_became_floats_and_channels_that_came_back_are_problems(tmp_path):
    integers = graph(saved(tmp_path, INTEGERS))
    whole = Converted("x", ["x"], weights={"f32": 431_080})
    eight = _count(integers, onnx.TensorProto.INT8, onnx.TensorProto.UINT8)
    assert keeps(whole, "as it is", integers, 1_724_320) == [f"Only 0 of {eight:,} weights are still 8-bit integers."]
    assert keeps(Converted("x", ["x"]), "as it is", integers, 1_724_320) == [
        f"It takes 1,724,320 bytes for {_count(integers):,} weights: more than integers would."
    ]
    back = Converted("x", ["x"], weights={"i8": 900_000})
    assert keeps(back, "as it is", integers, 900_000) == [
        f"It holds 900,000 weights, and the file had {_count(integers):,}: what was pruned has come back, or what "
        "is stored once for several uses is stored for each."
    ]


def _count(graph: onnx.ModelProto, *kinds: int) -> int:
    """How many numbers are stored, of some types or of all."""
    return sum(int(np.prod(t.dims)) for t in graph.graph.initializer if not kinds or t.data_type in kinds)


def test_what_the_page_exported_is_found_again_and_half_an_export_is_not(tmp_path):
    run = saved(tmp_path)
    folder = place(run.id, "onnx", "as it is")
    found = export(run.id, "onnx", folder, samples=SAMPLES)
    assert all_of(run.id) == {folder: found}
    (folder / REPORT).write_text("{")
    assert all_of(run.id) == {}


def test_an_export_that_fails_leaves_what_was_there_as_it_was(tmp_path):
    run, out = saved(tmp_path, INTEGERS), tmp_path / "out"
    found = export(run.id, "onnx", out, samples=SAMPLES)
    (out / "mine.txt").write_text("mine")
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def cancel(fraction: float, what: str) -> None:
        if fraction > 0.6:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        export(run.id, "ort", out, samples=SAMPLES, progress=cancel)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert kept(out) == found


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ExportError, match=r"^files must be written to .*out, but: Not a directory\. Choose another"):
        export(saved(tmp_path).id, "onnx", tmp_path / "file" / "out")


def test_a_recipe_of_many_steps_has_a_name_that_systems_take(tmp_path):
    run = saved(tmp_path)
    with Store.open() as store:
        store.save(run := run.model_copy(update={"recipe": 40 * [{"prune_weights": {}}]}))
    assert len(export(run.id, "onnx", tmp_path / "out", samples=1).main) <= 110


def test_a_run_without_a_file_says_so(tmp_path):
    run = a_stopped_run(Status.FAILED)
    with Store.open() as store:
        store.save(run)
    with pytest.raises(ExportError) as refused:
        export(run.id, "onnx", tmp_path / "out")
    assert str(refused.value) == f"run {run.id} is failed and has no file to export. Choose one that is done."


def test_a_precision_that_a_format_does_not_have_is_answered_with_those_it_has(tmp_path):
    with pytest.raises(ExportError, match=r"^ncnn: no precision 'int8'\. There are: fp16, fp32\.$"):
        export(saved(tmp_path).id, "ncnn", tmp_path / "out", precision="int8")
