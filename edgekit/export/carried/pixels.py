"""Images of 0 to 255, (height, width, channels), as the network takes them, by the settings in preprocessing.json."""

import numpy as np


def prepare(raw, settings):
    """One input, (1, …) float32, of one image."""
    mean, std = (np.float32(settings[name]) for name in ("mean", "std"))
    if raw.shape[-1] == 1 and len(mean) == 3:
        raw = np.repeat(raw, 3, axis=-1)
    elif raw.shape[-1] == 3 and len(mean) == 1:
        raw = np.rint(raw @ np.float32([0.299, 0.587, 0.114])).astype(np.uint8)[..., None]
    if settings["size"] and list(raw.shape[:2]) != list(settings["size"]):
        from PIL import Image  # only where the size differs: pip install pillow

        image = Image.fromarray(raw[..., 0] if raw.shape[-1] == 1 else raw)
        resized = image.resize(settings["size"][::-1], Image.Resampling.BILINEAR)
        raw = np.asarray(resized).reshape(*settings["size"], -1)
    inputs = (raw.astype(np.float32) / 255 - mean) / std  # (height, width, channels)
    if not settings["channels_last"]:
        inputs = inputs.transpose(2, 0, 1)
    return (inputs.reshape(-1) if settings["flat"] else inputs)[None]
