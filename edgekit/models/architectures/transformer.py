"""What transformers are made of, of images and of text: attention and feed-forward parts.

Queries, keys and values are Linear layers of their own, so that single heads can be removed (Vaswani et al. 2017,
"Attention Is All You Need", arXiv:1706.03762).
"""

from torch import Tensor, nn

MASKED = (
    -1e4
)  # before the softmax: nothing is left of it, in half precision too, and a row of nothing else stays finite


class Attention(nn.Module):
    """Attention: softmax(q kᵀ / √head_dim) v in each head, then one Linear that mixes the heads.

    Args:
        tokens: how many look.
        seen: how many others there are to look at; absent, they look at each other.
    """

    def __init__(self, dim: int, num_heads: int, tokens: int, seen: int | None = None):
        super().__init__()
        self.num_heads, self.head_dim, self.tokens, self.seen = num_heads, dim // num_heads, tokens, seen or tokens
        self.q = nn.Linear(dim, dim)
        self.k = nn.Linear(dim, dim)
        self.v = nn.Linear(dim, dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, tokens: Tensor, padding: Tensor | None = None, others: Tensor | None = None) -> Tensor:
        """Tokens (n, tokens, dim) in and out; nobody looks where `padding`, such as (n, 1, 1, seen), is true.

        Args:
            others: (n, seen, dim), to look at instead of each other.
        """
        others = tokens if others is None else others
        q = self._heads(self.q(tokens), self.tokens)  # (n, heads, tokens, head_dim)
        k, v = (self._heads(layer(others), self.seen) for layer in (self.k, self.v))  # (n, heads, seen, head_dim)
        scores = q @ k.transpose(-2, -1) * self.head_dim**-0.5  # (n, heads, tokens, seen)
        if padding is not None:
            scores = scores.masked_fill(padding, MASKED)
        mixed = (scores.softmax(-1) @ v).transpose(1, 2)  # (n, tokens, heads, head_dim)
        return self.out(mixed.reshape(-1, self.tokens, self.num_heads * self.head_dim))  # (n, tokens, dim)

    def _heads(self, x: Tensor, tokens: int) -> Tensor:
        # Known numbers, not x's own shape: each reshape is then one node of the exported graph and not twenty.
        return x.reshape(-1, tokens, self.num_heads, self.head_dim).transpose(1, 2)


class FeedForward(nn.Module):
    """Two Linear layers with a GELU between them, for each token by itself."""

    def __init__(self, dim: int, hidden: int):
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc2(nn.functional.gelu(self.fc1(tokens)))  # (n, tokens, dim)
