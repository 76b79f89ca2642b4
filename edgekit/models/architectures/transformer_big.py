"""Transformer (big), the network that translation is measured by: six blocks that read and six that write, 1024 wide.

Source: Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762: normalisation after each sum, positions by
sines, ReLU, and one table of 37,000 vectors for source, translation and answers; 213 M parameters, and 0.1 M more for
the biases that its authors' queries, keys and values have not. It has one input: the pieces of the source, and behind
them as many of the translation so far.
"""

import torch
from torch import Tensor, nn

from edgekit.models.architectures.transformer import Attention, FeedForward

PIECES, LENGTH = 37_000, 32  # the latter of either text


class Rectified(FeedForward):
    """Two Linear layers with a ReLU between them, for each token by itself."""

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc2(self.fc1(tokens).relu())


class Reader(nn.Module):
    """A block of the encoder: (n, length, dim) in and out."""

    def __init__(self, dim: int, num_heads: int, hidden: int, length: int):
        super().__init__()
        self.attention = Attention(dim, num_heads, length)
        self.norm1 = nn.LayerNorm(dim)
        self.mlp = Rectified(dim, hidden)
        self.norm2 = nn.LayerNorm(dim)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = self.norm1(tokens + self.attention(tokens))
        return self.norm2(tokens + self.mlp(tokens))


class Writer(Reader):
    """A block of the decoder, which also looks at what the encoder made of the source."""

    def __init__(self, dim: int, num_heads: int, hidden: int, length: int):
        super().__init__(dim, num_heads, hidden, length)
        self.cross = Attention(dim, num_heads, length, length)
        self.norm3 = nn.LayerNorm(dim)

    def forward(self, tokens: Tensor, later: Tensor, source: Tensor) -> Tensor:
        tokens = self.norm1(tokens + self.attention(tokens, later))
        tokens = self.norm3(tokens + self.cross(tokens, None, source))
        return self.norm2(tokens + self.mlp(tokens))


class Transformer(nn.Module):
    """Numbers of pieces in, int64 (n, 2 · length); for each place of the translation, logits (n, length, pieces)."""

    def __init__(
        self,
        length: int,
        *,
        pieces: int = PIECES,
        dim: int = 1024,
        depth: int = 6,
        num_heads: int = 16,
        hidden: int = 4096,
    ):
        super().__init__()
        self.length, self.scale = length, dim**0.5
        self.words = nn.Embedding(pieces, dim)
        nn.init.normal_(self.words.weight, std=dim**-0.5)
        self.encoder = nn.ModuleList(Reader(dim, num_heads, hidden, length) for _ in range(depth))
        self.decoder = nn.ModuleList(Writer(dim, num_heads, hidden, length) for _ in range(depth))
        self.head = nn.Linear(dim, pieces, bias=False)
        self.head.weight = self.words.weight
        self.register_buffer("positions", waves(length, dim), persistent=False)
        self.register_buffer("later", torch.ones(length, length, dtype=torch.bool).triu(1), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        source, written = (
            self.words(part) * self.scale + self.positions for part in (ids[:, : self.length], ids[:, self.length :])
        )
        for block in self.encoder:
            source = block(source)
        for block in self.decoder:
            written = block(written, self.later, source)
        return self.head(written)


def waves(length: int, dim: int) -> Tensor:
    """What is added at each place, (length, dim): sines and cosines of its number over 10,000^(2i / dim)."""
    speed = 10_000 ** (-torch.arange(0, dim, 2) / dim)
    angle = torch.arange(length)[:, None] * speed  # (length, dim / 2)
    return torch.stack([angle.sin(), angle.cos()], 2).flatten(1)


def transformer_big(outputs: int = PIECES, shape: tuple[int] = (2 * LENGTH,)) -> Transformer:
    """The published size.

    Args:
        outputs: logits of each place.
        shape: of one row, (places of both texts,).
    """
    return Transformer(shape[0] // 2, pieces=outputs)
