"""The discriminator that judges overlapping patches of 70x70 pixels."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

NORMS = ("instance", "batch", "spectral")


class PatchGAN(nn.Module):
    """Judge patches: (N,inputs,H,W) in [0,1] to logits (N,1,h,w), one for each patch; sides of 24 pixels or more.

    inputs: 3 for images alone; 6 for an input and its output, one after the other, as Pix2Pix judges them. channels:
    width after the first layer. norm: "instance" without weights, as in CycleGAN (2,764,737 parameters), "batch" as in
    Pix2Pix (2,768,705 with six inputs), or "spectral", of the weights of all layers, which leaves an image's own
    brightness and contrast to be judged. Works on [-1,1] inside. Raises ValueError on another norm. Source: Isola, Zhu,
    Zhou and Efros 2017, section 6.1.2; Zhu, Park, Isola and Efros 2017, section 7.2; Miyato, Kataoka, Koyama and
    Yoshida 2018, section 2.1, for the spectral norm.
    """

    def __init__(self, inputs: int = 3, channels: int = 64, norm: str = "instance") -> None:
        super().__init__()
        if norm not in NORMS:
            raise ValueError(f"norm {norm!r} must be one of {', '.join(NORMS)}")
        self.config = {"inputs": inputs, "channels": channels, "norm": norm}
        widths = [channels, 2 * channels, 4 * channels, 8 * channels]
        layers: list[nn.Module] = [_judging(norm, inputs, channels, 2), nn.LeakyReLU(0.2)]
        for before, width, stride in zip(widths, widths[1:], (2, 2, 1), strict=False):
            layers.append(_judging(norm, before, width, stride, bias=norm != "batch"))
            if norm != "spectral":
                layers.append(nn.InstanceNorm2d(width) if norm == "instance" else nn.BatchNorm2d(width))
            layers.append(nn.LeakyReLU(0.2))
        self.layers = nn.Sequential(*layers, _judging(norm, widths[-1], 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits: above 0 for patches taken to be real."""
        logits: Tensor = self.layers(2.0 * x - 1.0)
        return logits


def _judging(norm: str, inputs: int, outputs: int, stride: int, bias: bool = True) -> nn.Module:
    layer = nn.Conv2d(inputs, outputs, 4, stride=stride, padding=1, bias=bias)
    return spectral_norm(layer) if norm == "spectral" else layer
