"""The functions with which a packed file turns what it stores back into weights, in ONNX's own text form.

Each takes what is decoded so far as its first input, so a weight is a short chain of them: Codes → Spread → Scaled. A
file carries those that it uses. All inputs are constants, so a runtime works them out once, while it loads.
"""

import onnx

DOMAIN = "edgekit"

_FUNCTIONS = {
    # bit planes (bits, bytes, 1) and the place value of each (1, bits) -> integers of `shape`
    "Codes": """<shape>(planes, places) => (codes) {
        steps = Constant<value = uint8[8] {0, 1, 2, 3, 4, 5, 6, 7}>()
        one = Constant<value = uint8[1] {1}>()
        shifted = BitShift<direction = "RIGHT">(planes, steps)
        bits = BitwiseAnd(shifted, one)
        row_shape = Constant<value_ints = [0, -1]>()
        rows = Reshape(bits, row_shape)
        padded = MatMulInteger(places, rows)
        shape = Constant<value_ints: ints = @shape>()
        start = Constant<value_ints = [0]>()
        count = ReduceProd(shape)
        axis = Constant<value_ints = [1]>()
        flat = Slice(padded, start, count, axis)
        codes = Reshape(flat, shape)
    }""",
    # codes and what stands for one step -> weights
    "Scaled": """(codes, scale) => (weights) {
        numbers = Cast<to = 1>(codes)
        weights = Mul(numbers, scale)
    }""",
    # codes, scales and the codes that stand for zero -> weights
    "Centred": """(codes, scale, zero) => (weights) {
        numbers = Cast<to = 1>(codes)
        offset = Cast<to = 1>(zero)
        centred = Sub(numbers, offset)
        weights = Mul(centred, scale)
    }""",
    # codes and the values that they stand for -> weights
    "Looked": """(codes, values) => (weights) {
        places = Cast<to = 6>(codes)
        weights = Gather(values, places)
    }""",
    "Int8": """(codes) => (result) {
        result = Cast<to = 3>(codes)
    }""",
    # integers other than `rest`, those above it moved down by one -> the integers
    "Without": """(codes, rest) => (moved) {
        whole = Cast<to = 6>(codes)
        is_above = GreaterOrEqual(whole, rest)
        above = Cast<to = 6>(is_above)
        moved = Add(whole, above)
    }""",
    # values (n,), and a 1 for each place of an array that holds one -> the array, in the shape of the mask
    "Masked": """(values, mask, rest) => (array) {
        first = Constant<value_int = 0>()
        line = Constant<value_ints = [-1]>()
        flags = Reshape(mask, line)
        seen = CumSum(flags, first)
        numbers = Mul(seen, flags)
        table = Concat<axis = 0>(rest, values)
        flat = Gather(table, numbers)
        shape = Shape(mask)
        array = Reshape(flat, shape)
    }""",
    # the low bits of places (n,), and the rest of each as a 1 after so many 0 as it lies further -> places (n,)
    "Gapped": """<step>(near, far) => (places) {
        first = Constant<value_int = 0>()
        one = Constant<value = int32 {1}>()
        seen = CumSum(far, first)
        numbers = Mul(seen, far)
        zeros = Sub(one, far)
        before = CumSum(zeros, first)
        nowhere = Constant<value = int32[1] {0}>()
        slots = Concat<axis = 0>(nowhere, near)
        filled = ScatterElements(slots, numbers, before)
        start = Constant<value_ints = [1]>()
        size = Shape(slots)
        above = Slice(filled, start, size)
        step = Constant<value_int: int = @step>()
        unit = Cast<to = 6>(step)
        far_places = Mul(above, unit)
        places = Add(far_places, near)
    }""",
    # values (n,), their places (n,) and what lies in all others -> an array of `shape`
    "Spread": """<shape>(values, places, rest) => (array) {
        shape = Constant<value_ints: ints = @shape>()
        count = ReduceProd(shape)
        empty = Expand(rest, count)
        flat = ScatterElements(empty, places, values)
        array = Reshape(flat, shape)
    }""",
    "Shaped": """<shape>(rows) => (weights) {
        shape = Constant<value_ints: ints = @shape>()
        weights = Reshape(rows, shape)
    }""",
    "Turned": """<perm>(rows) => (weights) {
        weights = Transpose<perm: ints = @perm>(rows)
    }""",
}


def functions(names: set[str], opset: int) -> list[onnx.FunctionProto]:
    """The functions of these names, in the order of the alphabet, for a file of this opset."""
    head = f'<domain: "{DOMAIN}", opset_import: ["" : {opset}]>\n'
    return [onnx.parser.parse_function(f"{head}{name} {_FUNCTIONS[name]}") for name in sorted(names)]
