"""TensorFlow Lite for Microcontrollers: the network as a C array, and the memory it needs beside it.

David et al. 2021, "TensorFlow Lite Micro", arXiv:2010.08678. The arena is found by bisection in the interpreter itself,
built for this machine: a board of 32 bits needs somewhat less, as its pointers are shorter.
"""

from pathlib import Path

from edgekit.core.progress import Progress, part, silent
from edgekit.export.format import Converted, Source
from edgekit.export.formats.litert import LiteRt as _LiteRt
from edgekit.export.program import FromTorch

BYTES_A_LINE = 12
PREFIX = "g_"


class TfliteMicro(FromTorch):
    """A .tflite file by LiteRT's converter, then the array and the size of the arena."""

    title = "TensorFlow Lite Micro"
    makes = "a C array with its header, the size of its arena, and the .tflite file"
    script = "tflite_micro"
    environment = _LiteRt.environment
    requirements = _LiteRt.requirements
    modules = (*_LiteRt.modules, "tflite_micro")
    run_modules = ("tflite_micro",)
    megabytes = _LiteRt.megabytes
    download = _LiteRt.download
    precisions = ("int8", "fp32")
    caution = "Timed on this machine with plain reference kernels: a board's own kernels are what counts there."

    def convert(self, source: Source, precision: str, folder: Path, progress: Progress = silent) -> Converted:
        """The array, its header, and what it was made of."""
        made = _LiteRt().convert(source, precision, folder, part(progress, 0, 0.9))
        arena = self._ask({"source": str(folder / made.main)}, part(progress, 0.9, 1))["arena"]
        name = PREFIX + "".join(letter if letter.isalnum() else "_" for letter in source.name)
        content, code, header = (folder / made.main).read_bytes(), f"{source.name}.cc", f"{source.name}.h"
        rows = [content[at : at + BYTES_A_LINE] for at in range(0, len(content), BYTES_A_LINE)]
        body = "\n".join("  " + ", ".join(f"0x{byte:02x}" for byte in row) + "," for row in rows)
        (folder / code).write_text(
            f'#include "{header}"\n\nalignas(16) const unsigned char {name}[] = {{\n{body}\n}};\n'
            f"const unsigned int {name}_len = {len(content)};\n"
        )
        (folder / header).write_text(
            f"#pragma once\n\nextern const unsigned char {name}[];\nextern const unsigned int {name}_len;\n"
            f"constexpr int {name}_arena_bytes = {arena};  // found on a 64-bit machine, none to spare\n"
        )
        notes = [*made.notes, f"arena: {arena:,} bytes; flash for the network: {len(content):,} bytes"]
        return Converted(made.main, [code, header, made.main], made.operators, made.weights, notes, (made.main,))

    def use(self, converted: Converted) -> str:
        """In C++, with the operators that this network has."""
        code, header, _ = converted.files
        name = PREFIX + "".join(letter if letter.isalnum() else "_" for letter in code.removesuffix(".cc"))
        words = {operator: "".join(word.title() for word in operator.split("_")) for operator in converted.operators}
        adds = "\n".join(f"resolver.Add{word}();" for word in words.values())
        return f"""#include "{header}"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

alignas(16) static uint8_t arena[{name}_arena_bytes];
tflite::MicroMutableOpResolver<{len(words)}> resolver;
{adds}
tflite::MicroInterpreter interpreter(tflite::GetModel({name}), resolver, arena, sizeof(arena));
interpreter.AllocateTensors();
"""
