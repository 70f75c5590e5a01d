"""The generator of U-GAT-IT: attention from class activation maps, and a normalisation that the attention steers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from gexbench.nets.resnet_generator import squashed


@dataclass(frozen=True)
class UGATITGeneratorOptions:
    """The numbers of the generator; the defaults are the paper's for 256 pixels, 278,959,808 parameters.

    channels: width after the first convolution, doubled at each of two halvings. blocks: residual blocks before the
    attention, and again after it. side: of the images the full net takes, in pixels; the light one takes any. light:
    average the features before gamma and beta are computed from them, 10,589,888 parameters. skip: "none" as published,
    or "input": learn what is to be added to the input, before the last squashing, which short trainings need. Raises
    ValueError on numbers below 1, a side that is no multiple of 4 from 8 on, and another skip.
    """

    channels: int = 64
    blocks: int = 4
    side: int = 256
    light: bool = False
    skip: str = "none"

    def __post_init__(self) -> None:
        if self.skip not in ("none", "input"):
            raise ValueError(f"skip {self.skip!r} must be 'none' or 'input'")
        if min(self.channels, self.blocks) < 1:
            raise ValueError(f"channels {self.channels} and blocks {self.blocks} must be 1 or more")
        if self.side < 8 or self.side % 4:
            raise ValueError(f"side {self.side} must be a multiple of 4, 8 or more")


class UGATITGenerator(nn.Module):
    """Translate images: (N,3,H,W) to the same shape, float32 RGB in [0,1].

    Works on [-1,1] inside. Raises ValueError on sides other than `side`, in the light net on sides that are no
    multiples of 4 from 8 on. Source: Kim, Kim, Kang and Lee 2020, section 2.1 and appendix (arXiv 1907.10830).
    """

    def __init__(self, options: UGATITGeneratorOptions | None = None) -> None:
        super().__init__()
        self.options = options = options or UGATITGeneratorOptions()
        self.config = {"options": options}
        width, inner = options.channels, 4 * options.channels
        self.encode = nn.Sequential(
            *_normed(_mirrored(3, width, 7)),
            *_normed(_mirrored(width, 2 * width, 3, stride=2)),
            *_normed(_mirrored(2 * width, inner, 3, stride=2)),
            *(InstanceBlock(inner) for _ in range(options.blocks)),
        )
        self.attention = ClassActivation(inner, nn.ReLU())
        self.style = Style(inner, 1 if options.light else options.side // 4)
        self.blocks = nn.ModuleList(AdaLINBlock(inner) for _ in range(options.blocks))
        self.decode = nn.Sequential(
            *_enlarging(inner, 2 * width),
            *_enlarging(2 * width, width),
            _mirrored(width, 3, 7),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the translated images."""
        return self.attended(x)[0]

    def attended(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the translated images and logits (N,2), above 0 for inputs taken to be from the source domain."""
        self._refuse_sides(*x.shape[-2:])
        y, logits = self.attention(self.encode(2.0 * x - 1.0))
        gamma, beta = self.style(y)
        for block in self.blocks:
            y = block(y, gamma, beta)
        return squashed(self.decode(y), x if self.options.skip == "input" else None), logits

    def _refuse_sides(self, height: int, width: int) -> None:
        side = self.options.side
        if not self.options.light and (height, width) != (side, side):
            raise ValueError(f"sides must be {side}x{side}, got {height}x{width}")
        if min(height, width) < 8 or height % 4 or width % 4:
            raise ValueError(f"sides must be multiples of 4, 8 or more, got {height}x{width}")


class ClassActivation(nn.Module):
    """Weigh features by what tells two domains apart: (N,C,h,w) to the same shape, and logits (N,2).

    One logit is of the averages of the features, one of their maxima; each classifier's weights scale the features.
    spectral: divide the weights of the classifiers by their spectral norm. Source: Kim et al. 2020, section 2.1.
    """

    def __init__(self, channels: int, activation: nn.Module, spectral: bool = False) -> None:
        super().__init__()
        average, maximum = (nn.Linear(channels, 1, bias=False) for _ in range(2))
        self.average = spectral_norm(average) if spectral else average
        self.maximum = spectral_norm(maximum) if spectral else maximum
        self.mix = nn.Conv2d(2 * channels, channels, 1)
        self.activation = activation

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weighed features and the logits."""
        # read once: under a spectral norm each reading is a step of the power iteration
        weights = [cast(Tensor, layer.weight) for layer in (self.average, self.maximum)]
        pooled = [x.mean(dim=(2, 3)), x.amax(dim=(2, 3))]
        logits = [F.linear(values, weight) for values, weight in zip(pooled, weights, strict=True)]
        scaled = torch.cat([x * weight[:, :, None, None] for weight in weights], dim=1)
        return self.activation(self.mix(scaled)), torch.cat(logits, dim=1)


class Style(nn.Module):
    """Compute gamma and beta, each (N,C), from features (N,C,h,w); side: 1 to average them, else h and w."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(channels * side * side, channels, bias=False),
            nn.ReLU(),
            nn.Linear(channels, channels, bias=False),
            nn.ReLU(),
        )
        self.gamma = nn.Linear(channels, channels, bias=False)
        self.beta = nn.Linear(channels, channels, bias=False)
        self._averages = side == 1

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gamma and beta."""
        y = self.layers(x.mean(dim=(2, 3)) if self._averages else x.flatten(1))
        return self.gamma(y), self.beta(y)


class AdaLIN(nn.Module):
    """Normalise (N,C,h,w) between instance and layer norm, then scale by gamma and shift by beta, each (N,C).

    rho, learned, is the share of the instance norm in each channel, 0.9 at first. Source: Kim et al. 2020, eq. 1.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.rho = nn.Parameter(torch.empty(1, channels, 1, 1))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the first weights."""
        nn.init.constant_(self.rho, 0.9)

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """Return the normalised features."""
        return _normalised(x, self.rho) * gamma[:, :, None, None] + beta[:, :, None, None]


class LIN(nn.Module):
    """Normalise (N,C,h,w) as AdaLIN does, with rho 0 at first, and with a learned gamma and beta of its own."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.rho, self.gamma, self.beta = (nn.Parameter(torch.empty(1, channels, 1, 1)) for _ in range(3))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the first weights."""
        for weight, value in ((self.rho, 0.0), (self.gamma, 1.0), (self.beta, 0.0)):
            nn.init.constant_(weight, value)

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised features."""
        return _normalised(x, self.rho) * self.gamma + self.beta


class InstanceBlock(nn.Module):
    """Two 3x3 convolutions with instance norm, added to the input: (N,C,h,w) to the same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        first, second = (_mirrored(channels, channels, 3) for _ in range(2))
        self.layers = nn.Sequential(*_normed(first), second, nn.InstanceNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return x plus what the block adds."""
        out: Tensor = x + self.layers(x)
        return out


class AdaLINBlock(nn.Module):
    """Two 3x3 convolutions with AdaLIN, added to the input: (N,C,h,w) to the same shape; gamma and beta are (N,C)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = (_mirrored(channels, channels, 3) for _ in range(2))
        self.first_norm, self.second_norm = (AdaLIN(channels) for _ in range(2))

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """Return x plus what the block adds."""
        y = F.relu(self.first_norm(self.first(x), gamma, beta))
        out: Tensor = x + self.second_norm(self.second(y), gamma, beta)
        return out


def clip_rho(net: nn.Module) -> None:
    """Clip every rho of a net to [0,1], in place; due after each step of its optimiser. Source: eq. 2 of the paper."""
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, (AdaLIN, LIN)):
                module.rho.clamp_(0.0, 1.0)


def _normalised(x: Tensor, rho: Tensor) -> Tensor:
    # one group of all channels is the layer norm
    return rho * F.instance_norm(x) + (1.0 - rho) * F.group_norm(x, 1)


def _mirrored(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    padding = kernel // 2
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False, padding_mode="reflect")


def _normed(layer: nn.Conv2d) -> tuple[nn.Module, nn.Module, nn.Module]:
    return layer, nn.InstanceNorm2d(layer.out_channels), nn.ReLU()


def _enlarging(inputs: int, outputs: int) -> tuple[nn.Module, nn.Module, nn.Module, nn.Module]:
    return nn.Upsample(scale_factor=2, mode="nearest"), _mirrored(inputs, outputs, 3), LIN(outputs), nn.ReLU()
