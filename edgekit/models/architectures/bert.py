"""BERT-base, the network that texts are measured by: twelve blocks of twelve heads, 768 wide, 109.5 M parameters.

Source: Devlin et al. 2018, "BERT", arXiv:1810.04805. Its blocks are those of the small one in `minilm`; positions go to
512 and there are two segments, as published, whatever length is used. Only pieces of the first segment come in.
"""

import torch
from torch import Tensor, nn

from edgekit.models.architectures.minilm import EPSILON, PIECES, Block

LONGEST, SEGMENTS, TOKENS = 512, 2, 128  # the last is how long texts are here, unless a preprocessing says otherwise


class Bert(nn.Module):
    """Numbers of word pieces in, int64 (n, length), 0 behind the end; the first place, pooled, out: (n, dim)."""

    def __init__(
        self,
        length: int,
        *,
        pieces: int = PIECES,
        dim: int = 768,
        depth: int = 12,
        num_heads: int = 12,
        hidden: int = 3072,
    ):
        super().__init__()
        self.length = length
        self.words = nn.Embedding(pieces, dim)
        self.positions = nn.Parameter(torch.randn(LONGEST, dim) * 0.02)
        self.segments = nn.Parameter(torch.randn(SEGMENTS, dim) * 0.02)
        self.norm = nn.LayerNorm(dim, EPSILON)
        self.blocks = nn.ModuleList(Block(dim, num_heads, hidden, length) for _ in range(depth))
        self.pool = nn.Linear(dim, dim)

    def forward(self, ids: Tensor) -> Tensor:
        padding = (ids == 0)[:, None, None]  # (n, 1, 1, length)
        tokens = self.norm(self.words(ids) + self.positions[: self.length] + self.segments[:1])  # (n, length, dim)
        for block in self.blocks:
            tokens = block(tokens, padding=padding)
        return self.pool(tokens[:, 0]).tanh()


def bert_base(outputs: int = 768, shape: tuple[int] = (TOKENS,)) -> Bert:
    """The published size.

    Args:
        outputs: always its width.
        shape: of one text, (pieces,).
    """
    return Bert(shape[0])
