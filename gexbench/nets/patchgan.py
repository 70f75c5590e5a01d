"""The discriminator that judges overlapping patches of 70x70 pixels."""

from __future__ import annotations

from torch import Tensor, nn


class PatchGAN(nn.Module):
    """Judge patches: (N,inputs,H,W) in [0,1] to logits (N,1,h,w), one for each patch; sides of 24 pixels or more.

    inputs: 3 for images alone; 6 for an input and its output, one after the other, as Pix2Pix judges them. channels:
    width after the first layer. norm: "instance" without weights, as in CycleGAN (2,764,737 parameters), or "batch" as
    in Pix2Pix (2,768,705 with six inputs). Works on [-1,1] inside. Raises ValueError on another norm. Source: Isola,
    Zhu, Zhou and Efros 2017, section 6.1.2; Zhu, Park, Isola and Efros 2017, section 7.2.
    """

    def __init__(self, inputs: int = 3, channels: int = 64, norm: str = "instance") -> None:
        super().__init__()
        if norm not in ("instance", "batch"):
            raise ValueError(f"norm {norm!r} must be 'instance' or 'batch'")
        widths = [channels, 2 * channels, 4 * channels, 8 * channels]
        layers: list[nn.Module] = [nn.Conv2d(inputs, channels, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for before, width, stride in zip(widths, widths[1:], (2, 2, 1), strict=False):
            layers.append(nn.Conv2d(before, width, 4, stride=stride, padding=1, bias=norm == "instance"))
            layers.append(nn.InstanceNorm2d(width) if norm == "instance" else nn.BatchNorm2d(width))
            layers.append(nn.LeakyReLU(0.2))
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits: above 0 for patches taken to be real."""
        logits: Tensor = self.layers(2.0 * x - 1.0)
        return logits
