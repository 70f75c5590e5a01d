"""The generator of StyleGAN2: a mapping from latents to styles, and a synthesis network that the styles steer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.nets.equalised import EqualLinear
from gexbench.nets.pggan import pixel_norm
from gexbench.nets.resample import Doubled, Smooth

GAIN = 2.0**0.5
MAPPING_RATE = 0.01


@dataclass(frozen=True)
class StyleGAN2Options:
    """The numbers of both networks; the defaults are config F of the paper, at 256 pixels.

    side: a power of two, 8 to 1024. latent_size: numbers an image is made from, and numbers of a style. mapping_layers:
    matrices between the two. channel_base, channel_max: layers at side s have channel_base / s channels, channel_max at
    most; config E has half the base. Raises ValueError on other sides, on numbers below 1, and on a base that leaves
    the largest side without channels.
    """

    side: int = 256
    latent_size: int = 512
    mapping_layers: int = 8
    channel_base: int = 32768
    channel_max: int = 512

    def __post_init__(self) -> None:
        if not 8 <= self.side <= 1024 or self.side & (self.side - 1):
            raise ValueError(f"side {self.side} must be a power of two from 8 to 1024")
        for name in ("latent_size", "mapping_layers", "channel_max"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} {getattr(self, name)} must be 1 or more")
        if self.channel_base < self.side:
            raise ValueError(f"channel_base {self.channel_base} must be {self.side} or more for side {self.side}")

    @property
    def widths(self) -> dict[int, int]:
        """Channels at the sides 4, 8, ..., side."""
        sides = (2**exponent for exponent in range(2, self.side.bit_length()))
        return {side: min(self.channel_base // side, self.channel_max) for side in sides}


class StyleGAN2Generator(nn.Module):
    """Make images from latents: (N,latent_size), standard normal, to (N,3,side,side), float32 RGB.

    In [0,1]; while training, values may go beyond, there is no last squashing. Works on [-1,1] inside. The noise that
    every layer adds is drawn from torch's global generator while training; in evaluation it is the `noise` buffers of
    the state dict, the same for all images, so that a latent is always the same image. 30,034,338 parameters at 256
    pixels, 30,370,060 at 1024. Source: Karras, Laine, Aittala, Hellsten, Lehtinen and Aila 2020, sections 2 and 4.1,
    appendix B (arXiv 1912.04958).
    """

    def __init__(self, options: StyleGAN2Options | None = None) -> None:
        super().__init__()
        options = options or StyleGAN2Options()
        self.config = {"options": options}
        self.latent_size = options.latent_size
        self.mapping = nn.ModuleList(
            EqualLinear(self.latent_size, self.latent_size, rate=MAPPING_RATE) for _ in range(options.mapping_layers)
        )
        self.constant = nn.Parameter(torch.empty(options.widths[4], 4, 4))
        self.layers, self.to_rgb = nn.ModuleList(), nn.ModuleList()
        before = 0
        for side, width in options.widths.items():
            if before:
                self.layers.append(StyledLayer(before, width, side, self.latent_size, enlarges=True))
            self.layers.append(StyledLayer(width, width, side, self.latent_size))
            self.to_rgb.append(ToRGB(width, self.latent_size))
            before = width
        self.styles = len(self.layers) + 1
        self.enlarge = Doubled()
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the first constant from torch's global generator."""
        nn.init.normal_(self.constant)

    def forward(self, z: Tensor) -> Tensor:
        """Return the images."""
        return self.synthesised(self.mapped(z))

    def mapped(self, z: Tensor) -> Tensor:
        """Return the styles (N,styles,latent_size) of latents: one for each layer, all of them the same."""
        w = pixel_norm(z)
        for layer in self.mapping:
            w = GAIN * F.leaky_relu(layer(w), 0.2)
        return w[:, None].expand(-1, self.styles, -1)

    def synthesised(self, w: Tensor) -> Tensor:
        """Return the images of styles (N,styles,latent_size); those of two latents may be mixed.

        Style 0 steers the layer at 4 pixels, styles 2k-1 and 2k the layers at 4*2^k; colours take the style after their
        layer's.
        """
        y = self.layers[0](self.constant.expand(len(w), -1, -1, -1), w[:, 0])
        image: Tensor = self.to_rgb[0](y, w[:, 1])
        for level in range(1, len(self.to_rgb)):
            y = self.layers[2 * level - 1](y, w[:, 2 * level - 1])
            y = self.layers[2 * level](y, w[:, 2 * level])
            image = self.enlarge(image) + self.to_rgb[level](y, w[:, 2 * level + 1])
        image = (image + 1.0) / 2.0
        return image if self.training else image.clamp(0.0, 1.0)


class StyledLayer(nn.Module):
    """Convolve with 3x3 weights that each image's style scales: (N,inputs,h,w) and (N,latent_size) to (N,outputs,...).

    The weights of an image are its style times `weight`, divided by their norm, so that the outputs keep variance one
    (equations 1 to 3); one convolution serves the batch, since the style may as well scale the inputs and the norm the
    outputs. Then noise times the learned `strength`, biases and leaky ReLU. side: the sides of the outputs. enlarges:
    whether they are twice those of the inputs; `weight` then is as a transposed convolution of torch takes it. Source:
    section 2.2.
    """

    noise: Tensor

    def __init__(self, inputs: int, outputs: int, side: int, latent_size: int, enlarges: bool = False) -> None:
        super().__init__()
        self.affine = EqualLinear(latent_size, inputs, 1.0)
        self.weight = nn.Parameter(torch.empty(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.strength = nn.Parameter(torch.empty(()))
        self.register_buffer("noise", torch.empty(side, side))
        self.smooth = Smooth(margin=1, gain=4.0) if enlarges else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the first weights and the noise of evaluation from torch's global generator."""
        nn.init.normal_(self.weight)
        nn.init.zeros_(self.bias)
        nn.init.zeros_(self.strength)
        nn.init.normal_(self.noise)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Return the features."""
        style = self.affine(w)
        y = self._convolved(x * style[:, :, None, None])
        norm = torch.rsqrt(style.square() @ self.weight.square().sum(dim=(2, 3)).T + 1e-8)
        noise = torch.randn_like(y[:, :1]) if self.training else self.noise.to(y.dtype)
        # The gain of the leaky ReLU may stand before it, where the numbers to multiply are fewer.
        scale, bias = ((GAIN * part).to(y.dtype)[..., None, None] for part in (norm, self.bias))
        return F.leaky_relu(torch.addcmul(bias, y, scale) + noise * (GAIN * self.strength), 0.2)

    def _convolved(self, x: Tensor) -> Tensor:
        if self.smooth is None:
            return F.conv2d(x, self.weight, padding=1)
        y: Tensor = self.smooth(F.conv_transpose2d(x, self.weight.transpose(0, 1), stride=2))
        return y


class ToRGB(nn.Module):
    """Turn features into colours, steered by a style: (N,inputs,h,w) and (N,latent_size) to (N,3,h,w)."""

    def __init__(self, inputs: int, latent_size: int) -> None:
        super().__init__()
        self.affine = EqualLinear(latent_size, inputs, 1.0)
        self.weight = nn.Parameter(torch.empty(3, inputs, 1, 1))
        self.bias = nn.Parameter(torch.empty(3))
        self.scale = 1.0 / inputs**0.5
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the first weights from torch's global generator."""
        nn.init.normal_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Return what is added to the image."""
        style = self.affine(w) * self.scale
        return F.conv2d(x * style[:, :, None, None], self.weight, self.bias)
