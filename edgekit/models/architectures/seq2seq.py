"""An encoder-decoder transformer: it reads a text, and says of every place of another one which piece comes next.

Source: Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762; normalisation comes before each part, which
needs no slow start (Xiong et al. 2020, arXiv:2002.04745), and positions are learned. It has one input, the pieces of
the source and behind them those of the translation so far, so that all places are trained in one pass; masks are worked
out inside. Where nothing was written yet it puts out zeros.
"""

import torch
from torch import Tensor, nn

from edgekit.core.byte_pairs import ENGLISH_FRENCH_PIECES, PAD
from edgekit.models.architectures.transformer import Attention, FeedForward

LENGTH = 20  # of either text, unless a preprocessing says otherwise
DROPOUT = 0.2  # 7,000 short texts are learned by heart without


class Encoder(nn.Module):
    """A block of the part that reads: attention, then feed-forward, each added to what it is given."""

    def __init__(self, dim: int, num_heads: int, hidden: int, length: int, dropout: float):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attention = Attention(dim, num_heads, length)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = FeedForward(dim, hidden)
        self.drop = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, padding: Tensor) -> Tensor:
        tokens = tokens + self.drop(self.attention(self.norm1(tokens), padding))
        return tokens + self.drop(self.mlp(self.norm2(tokens)))  # (n, length, dim)


class Decoder(nn.Module):
    """A block of the part that writes: it looks at what stands before, then at the source, then feed-forward."""

    def __init__(self, dim: int, num_heads: int, hidden: int, length: int, dropout: float):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attention = Attention(dim, num_heads, length)
        self.norm2 = nn.LayerNorm(dim)
        self.cross = Attention(dim, num_heads, length, length)
        self.norm3 = nn.LayerNorm(dim)
        self.mlp = FeedForward(dim, hidden)
        self.drop = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, later: Tensor, source: Tensor, padding: Tensor) -> Tensor:
        tokens = tokens + self.drop(self.attention(self.norm1(tokens), later))
        tokens = tokens + self.drop(self.cross(self.norm2(tokens), padding, source))
        return tokens + self.drop(self.mlp(self.norm3(tokens)))  # (n, length, dim)


class Seq2Seq(nn.Module):
    """Numbers of pieces in, int64 (n, 2 · length): source, then translation; logits (n, length, pieces) out."""

    def __init__(
        self,
        pieces: int = ENGLISH_FRENCH_PIECES,
        length: int = LENGTH,
        *,
        dim: int = 256,
        depth: int = 3,
        num_heads: int = 8,
        hidden: int = 1024,
        dropout: float = DROPOUT,
    ):
        super().__init__()
        sizes = (dim, num_heads, hidden, length, dropout)
        self.length = length
        self.words = nn.Embedding(pieces, dim)
        nn.init.normal_(self.words.weight, std=dim**-0.5)
        self.positions = nn.Parameter(torch.randn(2 * length, dim) * dim**-0.5)
        self.drop = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(Encoder(*sizes) for _ in range(depth))
        self.read = nn.LayerNorm(dim)
        self.decoder = nn.ModuleList(Decoder(*sizes) for _ in range(depth))
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, pieces)
        self.register_buffer("later", torch.ones(length, length, dtype=torch.bool).triu(1), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        nothing = ids == PAD  # (n, 2 · length)
        tokens = self.drop(self.words(ids) + self.positions)  # (n, 2 · length, dim)
        source, written = tokens[:, : self.length], tokens[:, self.length :]
        padding = nothing[:, None, None, : self.length]  # (n, 1, 1, length)
        for block in self.encoder:
            source = block(source, padding=padding)
        source = self.read(source)
        for block in self.decoder:
            written = block(written, later=self.later, source=source, padding=padding)
        logits = self.head(self.norm(written))  # (n, length, pieces)
        return logits * (~nothing[:, self.length :, None]).to(logits.dtype)


def seq2seq(pieces: int = ENGLISH_FRENCH_PIECES, shape: tuple[int] = (2 * LENGTH,)) -> Seq2Seq:
    """Three blocks that read and three that write, 256 wide: 6.6 M parameters with 2,000 pieces."""
    return Seq2Seq(pieces, shape[0] // 2)


def seq2seq_small(pieces: int = ENGLISH_FRENCH_PIECES, shape: tuple[int] = (2 * LENGTH,)) -> Seq2Seq:
    """Two and two, 64 wide, a thirteenth of the parameters."""
    return Seq2Seq(pieces, shape[0] // 2, dim=64, depth=2, num_heads=4, hidden=192, dropout=0.05)
