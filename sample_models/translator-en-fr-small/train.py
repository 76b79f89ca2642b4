"""Remakes the small translator, which the large one teaches: python sample_models/translator-en-fr-small/train.py"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgekit.core.byte_pairs import ENGLISH_FRENCH_PIECES
from edgekit.core.preprocessing import TextPairs
from edgekit.models.plan import Plan
from edgekit.models.remake import main

PLAN = Plan(
    id="translator-en-fr-small",
    title="Small translator, English to French",
    summary="The same with a fourteenth of the parameters: a student, which learned from the large one's answers.",
    architecture="seq2seq_small",
    outputs=ENGLISH_FRENCH_PIECES,
    reference="Vaswani et al. 2017, arXiv:1706.03762; taught piece by piece as in Kim and Rush 2016, arXiv:1606.07947",
    data="interface-strings",
    preprocessing=TextPairs(length=20),
    teacher="translator-en-fr",
    optimizer="adamw",
    epochs=25,
    learning_rate=4e-3,
    weight_decay=0.01,
    batch_size=64,
    average=0.998,
    shift=0,
    half=True,
)

if __name__ == "__main__":
    sys.exit(main(PLAN, Path(__file__).parent))
