"""What is known of every model, wherever it came from, without building it: enough to list it and to feed it."""

from pydantic import BaseModel

from edgekit.core.model import Preprocessing


class About(BaseModel, frozen=True, extra="forbid"):
    """A model's card; samples and uploads add to it.

    Attributes:
        data: id of the data set in the catalog that it is scored on.
        mean, std: per channel, of pixels scaled to [0, 1]; see core Preprocessing.
        size: (height, width) that images are resized to, where the model takes other ones than the data set has.
        channels_last: whether it takes (n, height, width, channels).
        params: numbers that training sets.
        macs: multiply-accumulates for one image; None where a shape is not known.
        sha256: of the file with the weights.
    """

    title: str
    summary: str
    data: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    size: tuple[int, int] | None = None
    channels_last: bool = False
    params: int
    macs: int | None
    sha256: str

    @property
    def preprocessing(self) -> Preprocessing:
        """How images become its inputs."""
        return Preprocessing(self.mean, self.std, self.size, self.channels_last)
