"""A gated recurrent unit that reads a series step by step, and a linear layer that classifies its last state.

    r = σ(W_r x + U_r h), z = σ(W_z x + U_z h), n = tanh(W_n x + r ∘ U_n h), h ← (1 − z) ∘ n + z ∘ h

Source: Cho et al. 2014, "Learning Phrase Representations using RNN Encoder–Decoder", arXiv:1406.1078. The three W and
the three U are one Linear layer each, `from_input` and `from_state`, so that techniques find their weights as any
others; the file holds them in one GRU operator.
"""

import torch
from torch import Tensor, nn

HIDDEN = 96


class SeriesGRU(nn.Module):
    """Series (n, steps, features) in, logits (n, classes) out."""

    def __init__(self, classes: int, features: int, hidden: int):
        super().__init__()
        self.from_input = nn.Linear(features, 3 * hidden)
        self.from_state = nn.Linear(hidden, 3 * hidden)
        self.fc = nn.Linear(hidden, classes)

    def forward(self, series: Tensor) -> Tensor:
        start = series.new_zeros(1, series.shape[0], self.from_state.in_features)  # (layers, n, hidden)
        weights = [self.from_input.weight, self.from_state.weight, self.from_input.bias, self.from_state.bias]
        _, last = torch.gru(series, start, weights, True, 1, 0.0, self.training, False, True)
        return self.fc(last[0])  # (n, classes)

    def recurrent_products(self, shape: tuple[int, ...]) -> int:
        """Multiply-accumulates of the recurrence for one series of `shape`, (steps, features)."""
        return shape[0] * (self.from_input.weight.numel() + self.from_state.weight.numel())


def gru(classes: int = 10, shape: tuple[int, int] = (48, 13)) -> SeriesGRU:
    """One layer of 96 states.

    Args:
        shape: of one series, (steps, features).
    """
    return SeriesGRU(classes, shape[1], HIDDEN)
