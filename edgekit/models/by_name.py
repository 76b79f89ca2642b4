"""Networks by name, from where their makers keep them; each becomes an ONNX file, which is then opened like any other.

    torchvision:mobilenet_v2        its best weights
    timm:resnet18.a1_in1k           likewise
    hf:owner/repository/model.onnx  a file on the Hugging Face hub, as it lies there

The packages `timm` and `huggingface_hub` are asked for only when a name needs them. Weights are read as tensors alone.
"""

from __future__ import annotations

import pickle
import re
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.core.errors import ModelError, unknown
from edgekit.core.progress import Progress, silent

if TYPE_CHECKING:
    from torch import nn

CHANNELS, SIDE = 3, 224
_NAME = re.compile(r"(?P<source>[a-z]+):(?P<name>[^\s\\]+)")


@dataclass(frozen=True)
class Named:
    """A network in eval mode, and the shape of one of its inputs."""

    network: nn.Module
    shape: tuple[int, ...]


def is_name(text: str) -> bool:
    """Whether a text names a network, and no file: "timm:resnet18"."""
    found = _NAME.fullmatch(text)
    return found is not None and found["source"] in _SOURCES


def fetched(text: str, progress: Progress = silent) -> Named | Path:
    """A named network with its weights, or the file that it lies in.

    Raises:
        ModelError: there is none of that name, or it is not available here, and why.
    """
    found = _NAME.fullmatch(text)
    if not found or found["source"] not in _SOURCES:
        raise ModelError(f"a name must begin with {' or '.join(f'{source}:' for source in _SOURCES)}; it is '{text}'.")
    progress(0.0, f"fetching {text}")
    return _SOURCES[found["source"]](found["name"])


def _torchvision(name: str) -> Named:
    from edgekit.models._onnx2torch import onnx2torch

    onnx2torch()  # which knows how torchvision is imported beside any torch
    from torchvision.models import get_model, get_model_weights, list_models

    if name not in list_models():
        raise ModelError(unknown("network at torchvision", name, list_models()))
    weights = get_model_weights(name).DEFAULT
    with _available(f"torchvision:{name}"):
        state = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
        network = get_model(name, weights=None)
        network.load_state_dict(state)
    side = getattr(weights.transforms(), "crop_size", [SIDE])[0]
    return Named(network.eval(), (CHANNELS, side, side))


def _timm(name: str) -> Named:
    from edgekit.models._onnx2torch import onnx2torch

    onnx2torch()
    timm = _package("timm", f"timm:{name}")
    if not timm.is_model(name):
        raise ModelError(unknown("network at timm", name, timm.list_models()))
    with _available(f"timm:{name}"):
        network = timm.create_model(name, pretrained=True)
    return Named(network.eval(), tuple(network.pretrained_cfg.get("input_size", (CHANNELS, SIDE, SIDE))))


def _hub(name: str) -> Path:
    hub = _package("huggingface_hub", f"hf:{name}")
    parts = name.split("/")
    if len(parts) < 3:
        raise ModelError(f"a file on the hub is named hf:owner/repository/file; it is 'hf:{name}'.")
    with _available(f"hf:{name}"):
        return Path(hub.hf_hub_download("/".join(parts[:2]), "/".join(parts[2:])))


def _package(module: str, wanted: str):
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ModelError(
            f"{wanted} is not available here because {module} cannot be imported ({error}). Install it: pip install "
            f"{module}"
        ) from None


@contextmanager
def _available(wanted: str) -> Iterator[None]:
    """Whatever a download may raise, as the sentence that a person needs."""
    try:
        yield
    except pickle.UnpicklingError:
        raise ModelError(f"{wanted} is refused: its weights must be tensors alone, but hold a program.") from None
    except (OSError, urllib.error.URLError, RuntimeError, ValueError) as error:  # the hub's errors are among these
        said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"{wanted} is not available here because it could not be fetched: {said}") from None


_SOURCES: dict[str, Callable[[str], Named | Path]] = {"torchvision": _torchvision, "timm": _timm, "hf": _hub}
