"""Weights in a file of their own, for one of our architectures: safetensors, or a PyTorch state dict.

    python -m edgekit.models.weights_file FILE

A .pt file is a pickle. It is opened with `weights_only=True`, which builds tensors and plain containers and nothing
else, and in a process of its own first (`confined.py`). What a training script keeps around the weights is put aside:
an outer dict, and the prefix of a wrapper in front of every name.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.core.errors import ModelError
from edgekit.core.progress import Progress, silent
from edgekit.models.confined import answer, confined, kind_of
from edgekit.models.facts import Limits
from edgekit.models.recognise import SNIPPET, Kind, kind

if TYPE_CHECKING:
    from torch import Tensor

KINDS = (Kind.SAFETENSORS, Kind.PYTORCH)
OUTER = ("state_dict", "model_state_dict", "model", "net", "weights")  # where training scripts keep a state dict
PREFIXES = ("module.", "_orig_mod.", "model.")  # of DataParallel, torch.compile and Lightning


def weights(path: Path, limits: Limits = Limits(), progress: Progress = silent) -> dict[str, Tensor]:  # noqa: B008  (frozen)
    """The tensors in a file by name, after a process of its own could open it.

    Raises:
        ModelError: it is of another kind, holds more than weights, or is damaged.
    """
    if kind_of(path, limits) not in KINDS:
        raise ModelError(f"{path.name} must hold weights, as safetensors or a PyTorch state dict; it holds none.")
    confined(__name__, path, limits, progress)
    return read(path)


def read(path: Path) -> dict[str, Tensor]:
    """The same in this process, for files that were opened apart before."""
    if kind(path) is Kind.SAFETENSORS:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except SafetensorError as error:
            raise ModelError(f"{path.name} is damaged: {error}. Save it again.") from None
    import torch

    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError):
        raise ModelError(
            f"{path.name} must hold weights only, as torch.save(network.state_dict(), …) writes them. It is damaged, "
            "or a pickle of a whole network, and opening such a one can run any code that somebody put into it. Save "
            f"the state dict, or export the network to ONNX:\n\n{SNIPPET}"
        ) from None
    return _plain(found, path)


def _plain(found: Any, path: Path) -> dict[str, Tensor]:
    """The state dict in what was loaded, its names as the network itself has them."""
    import torch

    while isinstance(found, Mapping) and (outer := next((key for key in OUTER if key in found), "")):
        found = found[outer]
    if not isinstance(found, Mapping) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise ModelError(
            f"{path.name} must hold a state dict, names with a tensor each; it holds something else. "
            "Save it with torch.save(network.state_dict(), …)."
        )
    for prefix in PREFIXES:
        if found and all(name.startswith(prefix) for name in found):
            found = {name.removeprefix(prefix): value for name, value in found.items()}
    return dict(found)


def _opened(path: Path, limits: Limits) -> dict[str, Any]:
    return {name: list(value.shape) for name, value in read(path).items()}


if __name__ == "__main__":
    answer(_opened)
