"""How much memory activations need at a time, against examples worked out by hand."""

from edgekit.devices.liveness import Peak, Step, peak
from edgekit.devices.read import read
from tests.devices.graphs import integers, residual


def test_a_chain_needs_a_tensor_and_the_next():
    steps = [Step("first", ["x"], ["a"]), Step("second", ["a"], ["b"]), Step("third", ["b"], ["c"])]
    sizes = {"x": 10, "a": 50, "b": 40, "c": 1}
    assert peak(steps, sizes, ["x"], ["c"]) == Peak(90, "second")  # 10 + 50, then 50 + 40, then 40 + 1


def test_a_shortcut_keeps_a_tensor_until_it_is_added():
    steps = [Step("a", ["x"], ["a"]), Step("b", ["a"], ["b"]), Step("c", ["b"], ["c"]), Step("add", ["a", "c"], ["y"])]
    sizes = dict.fromkeys("xabcy", 10)
    assert peak(steps, sizes, ["x"], ["y"]) == Peak(30, "c")  # a waits, b is read, c is made


def test_a_result_stays_to_the_end():
    steps = [Step("early", ["x"], ["result"]), Step("late", ["x"], ["y"])]
    assert peak(steps, {"x": 1, "result": 100, "y": 20}, ["x"], ["result", "y"]) == Peak(121, "late")


def test_a_large_input_can_be_the_peak_itself():
    assert peak([Step("shrink", ["x"], ["y"])], {"x": 100, "y": 0}, ["x"], ["y"]) == Peak(100, "the input")


def test_of_a_residual_block_in_a_file(tmp_path):
    found = read(residual(tmp_path / "residual.onnx")).peak
    # a.out is 16 · 4 · 4 floats = 1,024 bytes and shares its memory with its ReLU; at the sum, three such are there
    assert found == Peak(3 * 1024, "sum")


def test_between_integer_layers_a_number_takes_one_byte(tmp_path):
    found = read(integers(tmp_path / "integers.onnx")).peak
    assert found.bytes == 2 * 8 * 4 * 4  # what the convolution reads and what it makes, as integers
