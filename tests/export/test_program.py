"""The float network of a file as a PyTorch program, from which some converters start."""

import numpy as np
import torch

from edgekit.export.format import Source
from edgekit.export.program import exported_program
from tests.techniques.graphs import residual


def test_how_a_sample_lies_in_memory_does_not_become_part_of_the_program(tmp_path):
    turned = np.zeros((1, 8, 8, 3), np.float32).transpose(0, 3, 1, 2)  # as preprocessing hands pictures over
    source = Source("a", tmp_path / "a.onnx", residual(), turned, lambda count: turned)
    with exported_program(source, "a format") as path:
        (sample,) = torch.export.load(path).example_inputs[0]
    assert sample.is_contiguous()
