"""Weights in a file of their own: read however a training script keeps them, and never as a pickle that runs code."""

import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from edgekit.core.errors import ModelError
from edgekit.models.architectures import build
from edgekit.models.recognise import SNIPPET
from edgekit.models.weights_file import weights


@pytest.fixture
def known() -> dict[str, torch.Tensor]:
    return build("lenet5").state_dict()


def same(found: dict[str, torch.Tensor], known: dict[str, torch.Tensor]) -> bool:
    return found.keys() == known.keys() and all(torch.equal(found[name], known[name]) for name in known)


def test_safetensors_and_a_state_dict_give_the_same_tensors(known, tmp_path):
    save_file(known, tmp_path / "a.safetensors")
    torch.save(known, tmp_path / "a.pt")
    assert same(weights(tmp_path / "a.safetensors"), known)
    assert same(weights(tmp_path / "a.pt"), known)


@pytest.mark.parametrize("outer", ["state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_what_a_training_script_keeps_around_the_weights_is_put_aside(known, tmp_path, outer, prefix):
    held = {outer: {f"{prefix}{name}": value for name, value in known.items()}, "epoch": 3}
    torch.save(held, tmp_path / "checkpoint.pth")
    assert same(weights(tmp_path / "checkpoint.pth"), known)


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("save", [torch.save, lambda held, path: path.write_bytes(pickle.dumps(held))])
def test_a_pickle_that_would_run_code_is_refused_and_runs_none(save, tmp_path):
    save({"weight": Trap(tmp_path / "sprung")}, tmp_path / "evil.pt")
    with pytest.raises(ModelError, match="evil.pt must hold weights"):
        weights(tmp_path / "evil.pt")
    assert not (tmp_path / "sprung").exists()


def test_a_whole_network_is_refused_with_what_to_do(tmp_path):
    torch.save(nn.Linear(2, 2), tmp_path / "whole.pt")
    with pytest.raises(ModelError) as said:
        weights(tmp_path / "whole.pt")
    assert str(said.value) == (
        "whole.pt must hold weights only, as torch.save(network.state_dict(), …) writes them. It is damaged, or a "
        "pickle of a whole network, and opening such a one can run any code that somebody put into it. Save the state "
        f"dict, or export the network to ONNX:\n\n{SNIPPET}"
    )


def test_tensors_without_names_are_refused(tmp_path):
    torch.save([torch.zeros(2)], tmp_path / "list.pt")
    with pytest.raises(ModelError) as said:
        weights(tmp_path / "list.pt")
    assert str(said.value) == (
        "list.pt must hold a state dict, names with a tensor each; it holds something else. "
        "Save it with torch.save(network.state_dict(), …)."
    )


def test_damaged_safetensors_are_said_to_be(known, tmp_path):
    path = tmp_path / "a.safetensors"
    save_file(known, path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match="^a.safetensors is damaged: .* Save it again.$"):
        weights(path)
