"""The generator of a deep convolutional GAN."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class DCGANOptions:
    """The numbers of the generator for images of 64 pixels; the defaults are those of PyTorch's tutorial.

    channels: width before the last layer, doubled at each layer further in. latent_size: length of a latent. Raises
    ValueError on numbers below 1.
    """

    channels: int = 64
    latent_size: int = 100

    def __post_init__(self) -> None:
        if min(self.channels, self.latent_size) < 1:
            raise ValueError(f"channels {self.channels} and latent_size {self.latent_size} must be 1 or more")


class DCGANGenerator(nn.Module):
    """Draw images: standard normal latents (N,d) to (N,3,64,64), float32 RGB in [0,1].

    Source: Radford, Metz and Chintala 2016 (arXiv 1511.06434), section 3, in the order of layers of PyTorch's tutorial.
    """

    def __init__(self, options: DCGANOptions | None = None) -> None:
        super().__init__()
        options = options or DCGANOptions()
        self.config = {"options": options}
        self.latent_size = options.latent_size
        widths = [options.channels * k for k in (8, 4, 2, 1)]
        layers: list[nn.Module] = []
        for place, (inputs, outputs) in enumerate(zip([options.latent_size, *widths], widths, strict=False)):
            stride, padding = (2, 1) if place else (1, 0)
            layers.append(nn.ConvTranspose2d(inputs, outputs, 4, stride, padding, bias=False))
            layers += [nn.BatchNorm2d(outputs), nn.ReLU()]
        self.main = nn.Sequential(*layers, nn.ConvTranspose2d(options.channels, 3, 4, 2, 1, bias=False), nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        """Return one image a latent."""
        drawn: Tensor = self.main(z[:, :, None, None])
        return (drawn + 1.0) / 2.0
