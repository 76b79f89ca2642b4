"""Remakes the translator: python sample_models/translator-en-fr/train.py"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgekit.core.byte_pairs import ENGLISH_FRENCH_PIECES
from edgekit.core.preprocessing import TextPairs
from edgekit.models.plan import Plan
from edgekit.models.remake import main

PLAN = Plan(
    id="translator-en-fr",
    title="Translator, English to French",
    summary="What buttons and messages of programs say, in French: a transformer that reads a text and writes another.",
    architecture="seq2seq",
    outputs=ENGLISH_FRENCH_PIECES,
    reference="Vaswani et al. 2017, Attention Is All You Need, arXiv:1706.03762",
    data="interface-strings",
    preprocessing=TextPairs(length=20),
    optimizer="adamw",
    epochs=20,
    learning_rate=1.5e-3,
    weight_decay=0.01,
    batch_size=64,
    average=0.998,
    shift=0,
    half=True,
)

if __name__ == "__main__":
    sys.exit(main(PLAN, Path(__file__).parent))
