"""What kind of file an upload is, told from a few of its bytes: nothing is unpacked, and no code in it can run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

HEAD_BYTES, TAIL_BYTES = 2**16, 2**20  # all that is ever read; a zip file lists its members at its end
SNIPPET = """\
import torch
network.eval()  # the network itself, made by the code that it was trained with
torch.onnx.export(network, (torch.zeros(1, 3, 224, 224),), "network.onnx", dynamo=False)"""

_EXPORT = "Export the network to ONNX with the tool that wrote this file."
_RUNS_CODE = f"Opening one can run any code that somebody put into it. Export the network to ONNX instead:\n\n{SNIPPET}"


class Kind(Enum):
    """What a file looks like. Only opening it tells whether it is whole.

    Attributes:
        title: as it stands after "it looks like".
        advice: what to do where an ONNX file is needed.
    """

    ONNX = "an ONNX file", ""
    EMPTY = "an empty file", "Send it again: nothing of it arrived."
    PYTORCH = "a PyTorch file, which is a pickle", _RUNS_CODE
    PICKLE = "a pickle", _RUNS_CODE
    TORCHSCRIPT = "TorchScript", _RUNS_CODE
    TORCH_EXPORT = "a torch.export archive", f"PyTorch opens one without weights_only alone. {_RUNS_CODE}"
    SAFETENSORS = "safetensors, which hold weights and no network", f"Export the network instead:\n\n{SNIPPET}"
    KERAS = "a Keras file", "Export the network with `model.export('network.onnx', format='onnx')`."
    HDF5 = "an HDF5 file, as Keras wrote them", "Export the network with tf2onnx."
    TFLITE = "a TFLite file", "Convert it with `python -m tf2onnx.convert --tflite FILE --output network.onnx`."
    OPENVINO = "an OpenVINO network", "Export the ONNX file that it was made from."
    GGUF = "a GGUF file", _EXPORT
    ORT = "a file in ONNX Runtime's own format", "Take the .onnx file that it was made from."
    SAVED_MODEL = "a TensorFlow SavedModel", "Convert its folder with tf2onnx."
    ZIP = "a zip file", "Unpack it, and add the .onnx file that is in it."
    HTML = "a web page", "Download the file itself, not the page that shows it."
    TEXT = "text", _EXPORT
    UNKNOWN = "nothing that EdgeKit knows", _EXPORT

    def __init__(self, title: str, advice: str):
        self.title, self.advice = title, advice


_BEGINNINGS = [  # the first that fits; none takes time that grows faster than the head
    (rb"\Z", Kind.EMPTY),
    (rb"GGUF", Kind.GGUF),
    (rb"\x89HDF\r\n\x1a\n", Kind.HDF5),
    (rb".{4}TFL3", Kind.TFLITE),
    (rb".{4}ORTM", Kind.ORT),
    (rb".{8}\s*\{\s*\"", Kind.SAFETENSORS),  # the length of its header, and the header, which is JSON
    (rb"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19\.", Kind.PYTORCH),  # what torch.save wrote before it wrote zip files
    (rb"\x80[\x02-\x05]", Kind.PICKLE),
    (rb"\x08\x01\x12", Kind.SAVED_MODEL),  # version 1, then the graphs; ONNX 1 is from before its first release
    (rb"\x08[\x01-\x7f]", Kind.ONNX),  # the version of the format
    (rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?<net\s", Kind.OPENVINO),
    (rb"(?i)(\xef\xbb\xbf)?\s*<(!doctype html|html|head|body)\b", Kind.HTML),
    (rb"[^\x00-\x08\x0e-\x1a\x1c-\x1f]+\Z", Kind.TEXT),
]
_BEFORE_THE_DATA = b"PK\x03\x04", 26, 30  # a member's header, and in it the length of the name, and the name
_AT_THE_END = b"PK\x01\x02", 28, 46
_MEMBERS = [  # of a zip file, one name a line; the first that fits
    (rb"(?m)/archive_format$|serialized_exported_program\.json$", Kind.TORCH_EXPORT),
    (rb"(?m)/constants\.pkl$", Kind.TORCHSCRIPT),
    (rb"(?m)/data\.pkl$", Kind.PYTORCH),
    (rb"(?m)^model\.weights\.h5$", Kind.KERAS),
    (rb"", Kind.ZIP),
]


def kind(path: Path) -> Kind:
    """What a file looks like, by its first 64 KB and, for a zip file, the names of its members in its last MB.

    Its name plays no part. However large it is, and whatever it would unpack to, no more than that is read.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if not head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            return next((kind for start, kind in _BEGINNINGS if re.match(start, head, re.DOTALL)), Kind.UNKNOWN)
        file.seek(max(path.stat().st_size - TAIL_BYTES, 0))
        names = [*_names(head, *_BEFORE_THE_DATA), *_names(file.read(TAIL_BYTES), *_AT_THE_END)]
    return next(kind for pattern, kind in _MEMBERS if re.search(pattern, b"\n".join(names)))


def _names(data: bytes, signature: bytes, length_at: int, name_at: int) -> Iterator[bytes]:
    """Names of members in a part of a zip file, found by their headers' signature: nothing else need be whole."""
    place = data.find(signature)
    while place >= 0:
        end = place + name_at + int.from_bytes(data[place + length_at : place + length_at + 2], "little")
        yield data[place + name_at : end]
        place = data.find(signature, end)  # past the name, so that all names together are no longer than the data
