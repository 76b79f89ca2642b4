"""What two networks must have in common for one traced graph to serve both: everything but the float weights."""

import enum
import hashlib
import types
from collections.abc import Hashable
from typing import Any

import numpy as np
import torch
from torch import nn

_OF_EVERY_MODULE = set(nn.Module().__dict__)
_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_PLAIN = (int, float, complex, str, bytes, type(None), torch.dtype, torch.device, enum.Enum, type)


class _NotPlainError(Exception):
    """The network holds something whose equality cannot be told."""


def structure(network: nn.Module, example: np.ndarray) -> Hashable | None:
    """A key that is equal for networks whose graphs differ in float weights only.

    It holds every module's class and plain attributes, shapes and sharing of all tensors, and the values of integer
    buffers. None if the network holds anything else (hooks, tensors outside the state, objects): then nobody can tell.
    """
    try:
        modules = tuple((name, type(module), _attributes(module)) for name, module in network.named_modules())
    except _NotPlainError:
        return None
    return modules, _tensors(network), example.shape, example.dtype.str


def _attributes(module: nn.Module) -> Hashable:
    if any(getattr(module, hooks) for hooks in _HOOKS):
        raise _NotPlainError
    own = {name: value for name, value in vars(module).items() if name not in _OF_EVERY_MODULE}
    return _frozen(own), tuple(name for name, child in module._modules.items() if child is None)


def _frozen(value: Any) -> Hashable:
    """A hashable form that tells 1, 1.0 and True apart."""
    if isinstance(value, _PLAIN):
        return type(value), value
    if isinstance(value, types.BuiltinFunctionType):
        return value
    if isinstance(value, types.FunctionType) and value.__closure__ is None:
        return value
    if isinstance(value, (list, tuple)):
        return type(value), tuple(_frozen(item) for item in value)
    if isinstance(value, (set, frozenset)):
        return type(value), frozenset(_frozen(item) for item in value)
    if isinstance(value, dict):
        return type(value), tuple((_frozen(key), _frozen(item)) for key, item in value.items())
    raise _NotPlainError


def _tensors(network: nn.Module) -> Hashable:
    first_name: dict[int, str] = {}
    rows = []
    tensors = [*network.named_parameters(remove_duplicate=False), *network.named_buffers(remove_duplicate=False)]
    for name, tensor in tensors:
        shared_with = first_name.setdefault(id(tensor), name)
        content = "" if tensor.is_floating_point() else hashlib.sha256(tensor.cpu().numpy().tobytes()).hexdigest()
        rows.append((name, shared_with, tuple(tensor.shape), tensor.dtype, content))
    return tuple(rows)
