"""The compact super-resolution network of Real-ESRGAN."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class CompactOptions:
    """The numbers of the network; the defaults are those of animevideov3, 621,424 parameters.

    channels: width of all layers. convolutions: how many there are between the first and the last. scale: output side
    over input side. Raises ValueError on numbers below 1.
    """

    channels: int = 64
    convolutions: int = 16
    scale: int = 4

    def __post_init__(self) -> None:
        if min(self.channels, self.convolutions, self.scale) < 1:
            raise ValueError(
                f"channels {self.channels}, convolutions {self.convolutions} and scale {self.scale} must be 1 or more"
            )


class Compact(nn.Module):
    """Enlarge images: (N,3,h,w) to (N,3,s*h,s*w), float32 RGB in [0,1]; clamped in evaluation mode.

    3x3 convolutions with a PReLU of each channel at the size of the input, added to the input enlarged by repeating its
    pixels. Source: SRVGGNetCompact of Wang, Xie, Dong and Shan 2021, Real-ESRGAN (arXiv 2107.10833), its released code.
    """

    def __init__(self, options: CompactOptions | None = None) -> None:
        super().__init__()
        options = options or CompactOptions()
        self.config = {"options": options}
        self.scale, width = options.scale, options.channels
        layers: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1), nn.PReLU(width)]
        for _ in range(options.convolutions):
            layers += [nn.Conv2d(width, width, 3, padding=1), nn.PReLU(width)]
        self.body = nn.Sequential(*layers, nn.Conv2d(width, 3 * options.scale**2, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the enlarged images."""
        made = F.pixel_shuffle(self.body(x), self.scale) + F.interpolate(x, scale_factor=self.scale, mode="nearest")
        return made if self.training else made.clamp(0.0, 1.0)
