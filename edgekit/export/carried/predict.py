"""Runs model.onnx on a sample: python predict.py [SAMPLE.npy]. Needs numpy and onnxruntime, nothing else.

Without a sample it runs sample.npy, and checks that the answer is the one in expected_output.npy.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
from prepare import prepare

HERE = Path(__file__).parent
TOLERANCE = 0.02  # of the largest output: processors round a little differently


def session():
    """The model, with the options that small networks on small processors want."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(str(HERE / "model.onnx"), options, providers=["CPUExecutionProvider"])


def main():
    """Print the answer, and whether it is the expected one where that is known."""
    about = json.loads((HERE / "preprocessing.json").read_text("utf-8"))
    labels = json.loads((HERE / "labels.json").read_text("utf-8"))
    raw = np.load(sys.argv[1] if len(sys.argv) > 1 else HERE / "sample.npy")
    model = session()
    inputs = prepare(raw, about["settings"]).astype(about["input_type"])
    outputs = model.run(None, {model.get_inputs()[0].name: inputs})[0]
    if labels and outputs.shape[-1] == len(labels):
        print(f"{labels[int(outputs[0].argmax())]}, class {int(outputs[0].argmax())}")
    else:
        print(outputs)
    if len(sys.argv) > 1:
        return
    expected = np.load(HERE / "expected_output.npy")
    if not np.abs(outputs - expected).max() <= TOLERANCE * np.abs(expected).max():  # so that NaN is not taken for it
        sys.exit("This is not the expected output.")
    print("as expected")


if __name__ == "__main__":
    main()
