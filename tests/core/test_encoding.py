"""Codes turn back into weights as the formula says."""

import numpy as np

from edgekit.core.encoding import Codebook, Encoding


def test_decoding_by_hand():
    codes = np.array([[-2, 1], [0, 1]], np.int8)
    encoding = Encoding(codes, np.array([0.5, 2.0], np.float32), np.array([1, 0]), bits=2, axis=0)
    assert encoding.decode().tolist() == [[-1.5, 0.0], [0.0, 2.0]]
    assert encoding.decode().dtype == np.float32


def test_scales_go_along_the_axis_that_they_were_made_for():
    codes = np.array([[1, 1], [1, 1]], np.int8)
    encoding = Encoding(codes, np.array([0.5, 2.0], np.float32), np.zeros(2, int), bits=2, axis=1)
    assert encoding.decode().tolist() == [[0.5, 2.0], [0.5, 2.0]]


def test_the_widest_codes_do_not_overflow():
    encoding = Encoding(np.array([-128, 127], np.int8), np.ones(1, np.float32), np.array([127]), bits=8, axis=0)
    wide = Encoding(np.array([[-128, 127]], np.int8), encoding.scale, encoding.zero_point, bits=8, axis=0)
    assert wide.decode().tolist() == [[-255.0, 0.0]]


def test_groups_of_inputs_have_scales_of_their_own():
    codes = np.array([[1, 1, 1, 1], [2, 2, -2, -2]], np.int8)
    scale = np.array([[1, 10], [100, 1000]], np.float32)
    encoding = Encoding(codes, scale, np.array([[0, 0], [1, 0]]), bits=4, axis=0, group=2)
    assert encoding.decode().tolist() == [[1, 1, 10, 10], [100, 100, -2000, -2000]]


def test_a_codebook_looks_values_up_and_scales_each_channel():
    codes = np.array([[0, 1], [2, 1]], np.uint8)
    values = np.array([0.0, 1.5, -3.0], np.float32)
    assert Codebook(codes, values, np.ones(1, np.float32), bits=2, axis=0).decode().tolist() == [[0, 1.5], [-3, 1.5]]
    scaled = Codebook(codes, values, np.array([1, 2], np.float32), bits=2, axis=1)
    assert scaled.decode().tolist() == [[0, 3], [-3, 3]]
