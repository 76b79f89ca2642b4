"""Remakes the gesture network from nothing: python sample_models/gestures-cnn/train.py"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgekit.core.preprocessing import Values
from edgekit.models.plan import Plan
from edgekit.models.remake import main

PLAN = Plan(
    id="gestures-cnn",
    title="Gesture CNN",
    summary="Tells seven shoulder exercises apart by the motion of a watch, on people it has never seen.",
    architecture="cnn_1d",
    reference="Wang, Yan and Oates 2017, Time Series Classification from Scratch, arXiv:1611.06455",
    data="watch-gestures",
    preprocessing=Values(
        mean=(-0.009, 0.386, -0.141, 0.019, -0.007, 0.015),
        std=(0.932, 0.504, 0.566, 1.030, 2.596, 1.121),
        channels_first=True,
    ),
    epochs=30,
    learning_rate=0.05,
    weight_decay=1e-3,
    shift=0,
    average=0.98,  # over some fifty updates: an epoch has sixteen
)

if __name__ == "__main__":
    sys.exit(main(PLAN, Path(__file__).parent))
