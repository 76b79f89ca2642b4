"""Remakes the sentiment classifier: python sample_models/minilm-sentiment/train.py"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgekit.core.preprocessing import Text
from edgekit.models.plan import Plan
from edgekit.models.remake import main

PLAN = Plan(
    id="minilm-sentiment",
    title="MiniLM-L6",
    summary="Six transformer blocks that tell praise from complaint in a sentence about a film, restaurant or product.",
    architecture="minilm",
    reference="Wang et al. 2020, MiniLM, arXiv:2002.10957",
    data="sentences",
    preprocessing=Text(length=64),
    pretrained="minilm-l6",
    optimizer="adamw",
    epochs=4,
    learning_rate=1e-4,
    weight_decay=0.01,
    batch_size=32,
    average=0.0,
    shift=0,
    half=True,
    on_request=True,
)

if __name__ == "__main__":
    sys.exit(main(PLAN, Path(__file__).parent))
