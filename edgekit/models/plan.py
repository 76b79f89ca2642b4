"""What a sample model is and how it is trained: the values that its train.py sets, and its card repeats."""

import runpy
from typing import Literal

from pydantic import BaseModel

from edgekit.core import files
from edgekit.core.errors import ModelError, unknown
from edgekit.core.preprocessing import AnyPreprocessing


class Plan(BaseModel, frozen=True, extra="forbid"):
    """One sample model.

    Attributes:
        data: id of the data set in the catalog.
        preprocessing: how samples become inputs.
        outputs: how many numbers it puts out; one a class if 0.
        epochs: of training; with 0 nothing but the last layer is made here.
        learning_rate: the peak of the one-cycle schedule.
        optimizer: SGD for convolutions, AdamW for what adapts badly under it: recurrent networks and transformers.
        pretrained: a key of pretrained.yaml, whose weights training starts from; random ones if absent.
        still_norms: whether batch normalisation keeps the statistics of those weights.
        average: decay of the running mean of weights; the mean is what is kept.
        shift: the largest move of a training image, in pixels.
        born_again: epochs of a second training, which starts from the trained network and learns from its answers too
            (Furlanello et al. 2018, arXiv:1805.04770); 0 for none.
        whitened: passes over the training data from which the last layer is solved after training, see
            models/whitening.py; 0 leaves it as it was trained.
        teacher: id of another sample model, for the same data prepared in the same way, whose answers it learns from
            beside the labels; by labels alone if absent.
        half: whether the weights are kept in half precision; the card is of what was kept.
        on_request: whether the weights are too large to come with EdgeKit, which is said of those above 16 MB. They
            are built on the machine that asks for them; what comes with EdgeKit is the card of a build of ours.
        threads: of torch; their number changes the last digits of sums, and so the weights.
    """

    id: str
    title: str
    summary: str
    architecture: str
    reference: str
    data: str
    preprocessing: AnyPreprocessing
    epochs: int
    learning_rate: float
    weight_decay: float
    shift: int
    optimizer: Literal["sgd", "adamw"] = "sgd"
    pretrained: str = ""
    still_norms: bool = False
    average: float = 0.998
    batch_size: int = 128
    born_again: int = 0
    whitened: int = 0
    teacher: str = ""
    outputs: int = 0
    half: bool = False
    on_request: bool = False
    seed: int = 0
    threads: int = 1


def plan(name: str) -> Plan:
    """The Plan in sample_models/<name>/train.py.

    Raises:
        ModelError: there is no such model.
    """
    scripts = {path.parent.name: path for path in files.sample_models().glob("*/train.py")}
    if name not in scripts:
        raise ModelError(unknown("model with a train.py", name, scripts))
    return runpy.run_path(str(scripts[name]))["PLAN"]
