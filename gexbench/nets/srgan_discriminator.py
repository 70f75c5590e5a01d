"""The discriminator of SRGAN."""

from __future__ import annotations

from torch import Tensor, nn


class SRGANDiscriminator(nn.Module):
    """Tell true crops from made ones: (N,3,crop,crop) to logits (N,1); above zero means true.

    crop: side of the crops in pixels, a multiple of 16. channels: width of the first convolution, 64 in the paper; the
    other layers grow with it (8 times for the last convolution, 16 times for the dense layer). The paper's sigmoid is
    left to the loss. Raises ValueError for another crop size.
    Source: Ledig et al. 2017 (arXiv 1609.04802), section 2.1.1 and figure 4.
    """

    def __init__(self, crop: int, channels: int = 64) -> None:
        super().__init__()
        if crop <= 0 or crop % 16:
            raise ValueError(f"crop {crop} must be a positive multiple of 16")
        widths = [channels * times for times in (1, 1, 2, 2, 4, 4, 8, 8)]
        layers: list[nn.Module] = [nn.Conv2d(3, channels, 3, padding=1), nn.LeakyReLU(0.2)]
        for index in range(1, 8):
            layers += _stage(widths[index - 1], widths[index], stride=1 + index % 2)
        self.features = nn.Sequential(*layers)
        self.judge = nn.Sequential(
            nn.Flatten(),
            nn.Linear(widths[-1] * (crop // 16) ** 2, 16 * channels),
            nn.LeakyReLU(0.2),
            nn.Linear(16 * channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return one logit an image."""
        logits: Tensor = self.judge(self.features(x))
        return logits


def _stage(inside: int, outside: int, stride: int) -> list[nn.Module]:
    return [
        nn.Conv2d(inside, outside, 3, stride=stride, padding=1),
        nn.BatchNorm2d(outside),
        nn.LeakyReLU(0.2),
    ]
