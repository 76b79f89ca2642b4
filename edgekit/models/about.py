"""What is known of every model, wherever it came from, without building it: enough to list it and to feed it."""

from pydantic import BaseModel

from edgekit.core.preprocessing import AnyPreprocessing


class About(BaseModel, frozen=True, extra="forbid"):
    """A model's card; samples and uploads add to it.

    Attributes:
        data: id of the data set in the catalog that it is scored on.
        preprocessing: how samples of it become inputs.
        params: numbers that training sets.
        macs: multiply-accumulates for one sample; None where a shape is not known.
        sha256: of the file with the weights; where they are drawn by a seed, of what decides them.
    """

    title: str
    summary: str
    data: str
    preprocessing: AnyPreprocessing
    params: int
    macs: int | None
    sha256: str

    @property
    def shape_only(self) -> bool:
        """Whether nothing was trained: size, memory and latency mean something, and answers do not."""
        return False
