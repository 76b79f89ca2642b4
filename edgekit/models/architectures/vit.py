"""A small vision transformer for images of 28 or 32 pixels: patches become tokens, tokens look at each other.

Sources: Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words", arXiv:2010.11929; sizes for small images and the mean
over tokens instead of a class token: Hassani et al. 2021, "Escaping the Big Data Paradigm with Compact Transformers",
arXiv:2104.05704.
"""

import torch
from torch import Tensor, nn

from edgekit.models.architectures.transformer import Attention, FeedForward


class Block(nn.Module):
    """Attention, then feed-forward, each added to what it is given; normalisation comes first."""

    def __init__(self, dim: int, num_heads: int, hidden: int, tokens: int):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attention = Attention(dim, num_heads, tokens)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = FeedForward(dim, hidden)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attention(self.norm1(tokens))
        return tokens + self.mlp(self.norm2(tokens))  # (n, tokens, dim)


class VisionTransformer(nn.Module):
    """Square images of `size` pixels in, one logit per class out; `patch` must divide `size`."""

    def __init__(
        self,
        classes: int = 10,
        channels: int = 3,
        *,
        size: int = 32,
        patch: int = 4,
        dim: int = 96,
        depth: int = 6,
        num_heads: int = 6,
        hidden: int = 192,
    ):
        super().__init__()
        tokens = (size // patch) ** 2
        self.patches = nn.Conv2d(channels, dim, patch, stride=patch)
        self.positions = nn.Parameter(torch.randn(1, tokens, dim) * 0.02)
        self.blocks = nn.Sequential(*(Block(dim, num_heads, hidden, tokens) for _ in range(depth)))
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, classes)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches(images).flatten(2).transpose(1, 2) + self.positions  # (n, tokens, dim)
        return self.head(self.norm(self.blocks(tokens)).mean(1))  # (n, classes)


def vit_tiny(classes: int = 10) -> VisionTransformer:
    """Six blocks of six heads on 64 patches of 4 × 4 pixels: 461 k parameters for a 32 × 32 image."""
    return VisionTransformer(classes)
