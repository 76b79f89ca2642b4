"""LeNet-5 in the Caffe form that Deep Compression used: two convolutions, two fully connected layers, 431 k weights.

Sources: LeCun et al. 1998, "Gradient-based learning applied to document recognition"; Han et al. 2016, "Deep
Compression", arXiv:1510.00149, table 3 (20 and 50 channels, 500 hidden units).
"""

from torch import Tensor, nn


class LeNet5(nn.Module):
    """Images of 28 × 28 with one channel in, one logit per class out."""

    def __init__(self, classes: int = 10, channels: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 20, 5)
        self.conv2 = nn.Conv2d(20, 50, 5)
        self.fc1 = nn.Linear(50 * 4 * 4, 500)
        self.fc2 = nn.Linear(500, classes)

    def forward(self, images: Tensor) -> Tensor:
        x = nn.functional.max_pool2d(self.conv1(images).relu(), 2)  # (n, 20, 12, 12)
        x = nn.functional.max_pool2d(self.conv2(x).relu(), 2)  # (n, 50, 4, 4)
        return self.fc2(self.fc1(x.flatten(1)).relu())  # (n, classes)
