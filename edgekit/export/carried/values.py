"""Numbers, or series of them, as the network takes them, by the settings in preprocessing.json."""

import numpy as np


def prepare(raw, settings):
    """One input, (1, …) float32, of one sample (features,) or (steps, features)."""
    inputs = (raw.astype(np.float32) - np.float32(settings["mean"])) / np.float32(settings["std"])
    return (inputs.T if settings["channels_first"] else inputs)[None]
