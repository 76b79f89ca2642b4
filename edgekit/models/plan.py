"""What a sample model is and how it is trained: the values that its train.py sets, and its card repeats.

Of some networks only the shape is here, for numbers that no training changes: size, memory and latency. Those are
listed here; their weights are drawn by a seed whenever they are asked for, and their data are random inputs.
"""

import runpy
from typing import Literal

from pydantic import BaseModel

from edgekit.core import files
from edgekit.core.errors import ModelError, unknown
from edgekit.core.preprocessing import AnyPreprocessing, Pieces, Pixels


class Shape(BaseModel, frozen=True, extra="forbid"):
    """One network with random weights.

    Attributes:
        data: id of the data set in the catalog.
        preprocessing: how samples become inputs.
        outputs: how many numbers it puts out; one a class if 0.
    """

    id: str
    title: str
    summary: str
    architecture: str
    reference: str
    data: str
    preprocessing: AnyPreprocessing
    outputs: int = 0
    seed: int = 0


class Plan(Shape):
    """One sample model, trained.

    Attributes:
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
        hints: id of a data set of coloured pictures, on which the network learns, beside its own and before all else,
            to see what its teacher sees, see models/hints.py; none if absent.
        hinted: epochs of that.
        teacher: id of another sample model, for the same data prepared in the same way, whose answers it learns from
            beside the labels; by labels alone if absent.
        half: whether the weights are kept in half precision; the card is of what was kept.
        on_request: whether the weights are too large to come with EdgeKit, which is said of those above 16 MB. They
            are built on the machine that asks for them; what comes with EdgeKit is the card of a build of ours.
        threads: of torch; their number changes the last digits of sums, and so the weights.
    """

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
    hints: str = ""
    hinted: int = 0
    half: bool = False
    on_request: bool = False
    threads: int = 1


SHAPES = {
    shape.id: shape
    for shape in [
        Shape(
            id="bert-base",
            title="BERT-base",
            summary="The text encoder that articles measure by: twelve transformer blocks, on 128 word pieces.",
            architecture="bert_base",
            reference="Devlin et al. 2018, BERT, arXiv:1810.04805",
            data="random-pieces-128",
            preprocessing=Pieces(),
            outputs=768,
        ),
        Shape(
            id="transformer-big",
            title="Transformer (big)",
            summary="The first transformer's larger form, which translates: here 32 pieces into 32.",
            architecture="transformer_big",
            reference="Vaswani et al. 2017, Attention Is All You Need, arXiv:1706.03762",
            data="random-pieces-64",
            preprocessing=Pieces(),
            outputs=37_000,
        ),
        Shape(
            id="yolov5s",
            title="YOLOv5s",
            summary="A detector of 80 kinds of things in pictures, 640 pixels wide and high.",
            architecture="yolov5s",
            reference="Jocher et al. 2020, YOLOv5 by Ultralytics, release 6.0, doi:10.5281/zenodo.3908559",
            data="random-images-640",
            preprocessing=Pixels(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)),
            outputs=80,
        ),
    ]
}


def plan(name: str) -> Plan:
    """The Plan in sample_models/<name>/train.py.

    Raises:
        ModelError: there is no such model.
    """
    scripts = {path.parent.name: path for path in files.sample_models().glob("*/train.py")}
    if name not in scripts:
        raise ModelError(unknown("model with a train.py", name, scripts))
    return runpy.run_path(str(scripts[name]))["PLAN"]
