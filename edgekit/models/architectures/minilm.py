"""A small BERT that classifies texts: word pieces become tokens, blocks let them look at each other, the mean answers.

Sources: Devlin et al. 2018, "BERT", arXiv:1810.04805 (normalisation comes after each sum); Wang et al. 2020, "MiniLM",
arXiv:2002.10957; the mean over tokens: Reimers and Gurevych 2019, "Sentence-BERT", arXiv:1908.10084. The mask is worked
out in the network, of ids that are not 0, so that it has one input.
"""

import torch
from torch import Tensor, nn

from edgekit.models.architectures.transformer import Attention, FeedForward

PIECES, LENGTH = 30522, 64  # of BERT's uncased vocabulary; tokens of a text, unless a preprocessing says otherwise
EPSILON = 1e-12  # what BERT's normalisation adds to the variance


class Block(nn.Module):
    """Attention, then feed-forward, each added to what it is given and then normalised."""

    def __init__(self, dim: int, num_heads: int, hidden: int, tokens: int):
        super().__init__()
        self.attention = Attention(dim, num_heads, tokens)
        self.norm1 = nn.LayerNorm(dim, EPSILON)
        self.mlp = FeedForward(dim, hidden)
        self.norm2 = nn.LayerNorm(dim, EPSILON)

    def forward(self, tokens: Tensor, padding: Tensor) -> Tensor:
        tokens = self.norm1(tokens + self.attention(tokens, padding))
        return self.norm2(tokens + self.mlp(tokens))  # (n, tokens, dim)


class TextClassifier(nn.Module):
    """Numbers of word pieces in, int64 (n, length), 0 behind the end; one logit per class out."""

    def __init__(
        self,
        classes: int = 2,
        length: int = LENGTH,
        *,
        pieces: int = PIECES,
        dim: int = 384,
        depth: int = 6,
        num_heads: int = 12,
        hidden: int = 1536,
    ):
        super().__init__()
        self.words = nn.Embedding(pieces, dim)
        self.positions = nn.Parameter(torch.randn(length, dim) * 0.02)
        self.segment = nn.Parameter(torch.randn(1, dim) * 0.02)  # BERT tells two texts apart; here there is one
        self.norm = nn.LayerNorm(dim, EPSILON)
        self.blocks = nn.ModuleList(Block(dim, num_heads, hidden, length) for _ in range(depth))
        self.head = nn.Linear(dim, classes)

    def forward(self, ids: Tensor) -> Tensor:
        nothing = ids == 0  # (n, length): the text is over
        tokens = self.norm(self.words(ids) + self.positions + self.segment)  # (n, length, dim)
        padding = nothing[:, None, None]  # (n, 1, 1, length)
        for block in self.blocks:
            tokens = block(tokens, padding=padding)
        share = (~nothing).unsqueeze(-1).to(tokens.dtype)  # (n, length, 1)
        return self.head((tokens * share).sum(1) / share.sum(1).clamp_min(1))  # (n, classes)


def minilm(classes: int = 2, shape: tuple[int] = (LENGTH,)) -> TextClassifier:
    """MiniLM-L6: six blocks of twelve heads, 384 wide; 22.4 M parameters, of which 11.7 M are the pieces' vectors."""
    return TextClassifier(classes, *shape)
