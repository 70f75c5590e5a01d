"""The FID Inception network of 2015-12-05 up to its 2048 pooled features."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d

from gexbench.nets.spectral import SpectralWindow

SIDE = 299
WIDTH = 2048
_EPS = 1e-3
_ROOT = "net.layers."
_STEM = {"conv": (2, 0), "conv_1": (1, 0), "conv_2": (1, 1), "conv_3": (1, 0), "conv_4": (1, 0)}
_PARTS = ("weight", "beta", "mean", "var")
_TOWERS = ("conv", "tower.conv", "tower_1.conv", "tower_2.conv")
_WIDE, _TALL = (0, 3), (3, 0)

Weights = Mapping[str, Tensor]


class Inception(nn.Module):
    """Map images (N,3,299,299), already normalised, to features (N,2048) in float32, all 0 or more.

    weights: the tensors of the asset `fid-inception`. Batch normalisation is folded into the convolutions in float64,
    and average pooling is done after the 1x1 convolution it stands before in the original: both are linear, and it
    then has fewer channels to pool. On the CPU in float32 some windows are taken in the Fourier domain. Raises KeyError
    when a tensor is missing, ValueError when one is left over. Source: Szegedy et al. 2016, figures 5 to 7, with the
    pooling of the network that FID was defined with.
    """

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        left = dict(weights)
        self.stem = nn.ModuleList(_Conv(left, name, *shape) for name, shape in _STEM.items())
        self.blocks = nn.Sequential(
            *(_Square(left, name) for name in ("mixed", "mixed_1", "mixed_2")),
            _Shrink35(left, "mixed_3"),
            *(_Cross(left, name) for name in ("mixed_4", "mixed_5", "mixed_6", "mixed_7")),
            _Shrink17(left, "mixed_8"),
            _Fork(left, "mixed_9", largest=False),
            _Fork(left, "mixed_10", largest=True),
        )
        if left:
            raise ValueError(f"tensors that are no part of the network: {', '.join(sorted(left)[:5])}")
        self.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> Tensor:
        """Return the features of a batch."""
        # Two images at a time keep the first layers' large planes in a core's cache.
        parts = x.split(2) if x.device.type == "cpu" else (x,)
        features: Tensor = self.blocks(torch.cat([self._stem(part) for part in parts])).float().mean(dim=(2, 3))
        return features

    def _stem(self, x: Tensor) -> Tensor:
        first, second, third, fourth, fifth = self.stem
        x = max_pool2d(third(second(first(x))), kernel_size=3, stride=2)
        return max_pool2d(fifth(fourth(x)), kernel_size=3, stride=2)


class _Conv(nn.Module):
    """A convolution with its batch normalisation folded in, then the larger of the result and 0."""

    weight: Tensor
    bias: Tensor

    def __init__(self, left: dict[str, Tensor], name: str, stride: int = 1, padding: int | tuple[int, int] = 0) -> None:
        super().__init__()
        weight, beta, mean, var = (left.pop(f"{_ROOT}{name}.{part}").double() for part in _PARTS)
        scale = (var + _EPS).rsqrt()
        self.register_buffer("weight", (weight * scale[:, None, None, None]).float())
        self.register_buffer("bias", (beta - mean * scale).float())
        self.stride, self.padding = stride, padding

    def linear(self, x: Tensor) -> Tensor:
        """Return the convolution alone."""
        return conv2d(x, self.weight, self.bias, self.stride, self.padding)

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation."""
        return self.linear(x).relu_()


class _Points(nn.Module):
    """Several 1x1 convolutions of one input, taken as one."""

    weight: Tensor
    bias: Tensor

    def __init__(self, left: dict[str, Tensor], *names: str) -> None:
        super().__init__()
        parts = [_Conv(left, name) for name in names]
        self.register_buffer("weight", torch.cat([part.weight for part in parts]))
        self.register_buffer("bias", torch.cat([part.bias for part in parts]))
        self.sizes = [len(part.bias) for part in parts]

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the convolutions' results, before the activation."""
        parts = conv2d(x, self.weight, self.bias).split(self.sizes, dim=1)
        return [part.contiguous(memory_format=torch.channels_last) for part in parts]


class _Seven(_Conv):
    """A window of 7 pixels in a row or a column, on the CPU by way of the Fourier domain."""

    _window: SpectralWindow | None = None

    def linear(self, x: Tensor) -> Tensor:
        """Return the convolution alone."""
        if not _plain(x):
            return super().linear(x)
        if self._window is None:
            self._window = SpectralWindow(self.weight.flatten(2), x.shape[-1])
        along = self._window.along_rows if self.padding == _WIDE else self._window.along_columns
        return along(x).add_(self.bias[:, None, None])


class _Five(_Conv):
    """A window of 5x5 pixels, on the CPU by NNPACK's Fourier transforms where PyTorch was built with them."""

    _contiguous: Tensor | None = None

    def linear(self, x: Tensor) -> Tensor:
        """Return the convolution alone."""
        if not (_plain(x) and torch.backends.nnpack.is_available()):
            return super().linear(x)
        if self._contiguous is None:
            self._contiguous = self.weight.contiguous()
        found = torch._nnpack_spatial_convolution(x.contiguous(), self._contiguous, self.bias, self.padding, 1)
        return found.contiguous(memory_format=torch.channels_last)


def _plain(x: Tensor) -> bool:
    return x.device.type == "cpu" and x.dtype == torch.float32


class _Square(nn.Module):
    """35x35 pixels in, 35x35 out; 5x5 beside 3x3 windows."""

    def __init__(self, left: dict[str, Tensor], name: str) -> None:
        super().__init__()
        self.points = _Points(left, *(f"{name}.{part}" for part in _TOWERS))
        self.five = _Five(left, f"{name}.tower.conv_1", 1, 2)
        self.three = _chain(left, f"{name}.tower_1", 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return four groups of channels."""
        point, five, three, pooled = self.points(x)
        return torch.cat([point.relu_(), self.five(five.relu_()), self.three(three.relu_()), _around(pooled)], dim=1)


class _Shrink35(nn.Module):
    """35x35 pixels in, 17x17 out."""

    def __init__(self, left: dict[str, Tensor], name: str) -> None:
        super().__init__()
        self.once = _Conv(left, f"{name}.conv", 2)
        self.thrice = nn.Sequential(
            _Conv(left, f"{name}.tower.conv"),
            _Conv(left, f"{name}.tower.conv_1", 1, 1),
            _Conv(left, f"{name}.tower.conv_2", 2),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return three groups of channels."""
        return torch.cat([self.once(x), self.thrice(x), max_pool2d(x, kernel_size=3, stride=2)], dim=1)


class _Cross(nn.Module):
    """17x17 pixels in, 17x17 out; 7x7 windows as 1x7 and 7x1."""

    def __init__(self, left: dict[str, Tensor], name: str) -> None:
        super().__init__()
        self.points = _Points(left, *(f"{name}.{part}" for part in _TOWERS))
        self.seven = _chain(left, f"{name}.tower", _WIDE, _TALL)
        self.twice = _chain(left, f"{name}.tower_1", _TALL, _WIDE, _TALL, _WIDE)

    def forward(self, x: Tensor) -> Tensor:
        """Return four groups of channels."""
        point, seven, twice, pooled = self.points(x)
        return torch.cat([point.relu_(), self.seven(seven.relu_()), self.twice(twice.relu_()), _around(pooled)], dim=1)


class _Shrink17(nn.Module):
    """17x17 pixels in, 8x8 out."""

    def __init__(self, left: dict[str, Tensor], name: str) -> None:
        super().__init__()
        self.points = _Points(left, f"{name}.tower.conv", f"{name}.tower_1.conv")
        self.three = _Conv(left, f"{name}.tower.conv_1", 2)
        self.seven = nn.Sequential(
            _chain(left, f"{name}.tower_1", _WIDE, _TALL), _Conv(left, f"{name}.tower_1.conv_3", 2)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return three groups of channels."""
        three, seven = self.points(x)
        largest = max_pool2d(x, kernel_size=3, stride=2)
        return torch.cat([self.three(three.relu_()), self.seven(seven.relu_()), largest], dim=1)


class _Fork(nn.Module):
    """8x8 pixels in, 8x8 out; two branches fork into 1x3 and 3x1. The last block pools by the largest value."""

    def __init__(self, left: dict[str, Tensor], name: str, largest: bool) -> None:
        super().__init__()
        names = ["conv", "tower_conv", "tower_1_conv", *([] if largest else ["tower_2_conv"])]
        self.points = _Points(left, *(f"{name}.{part}" for part in names))
        self.near_wide = _Conv(left, f"{name}.tower_mixed_conv", 1, (0, 1))
        self.near_tall = _Conv(left, f"{name}.tower_mixed_conv_1", 1, (1, 0))
        self.far = _Conv(left, f"{name}.tower_1_conv_1", 1, 1)
        self.far_wide = _Conv(left, f"{name}.tower_1_mixed_conv", 1, (0, 1))
        self.far_tall = _Conv(left, f"{name}.tower_1_mixed_conv_1", 1, (1, 0))
        self.largest = _Conv(left, f"{name}.tower_2_conv") if largest else None

    def forward(self, x: Tensor) -> Tensor:
        """Return six groups of channels."""
        point, near, far, *rest = self.points(x)
        near, far = near.relu_(), self.far(far.relu_())
        forks = [self.near_wide(near), self.near_tall(near), self.far_wide(far), self.far_tall(far)]
        last = self.largest(max_pool2d(x, 3, stride=1, padding=1)) if self.largest else _around(rest[0])
        return torch.cat([point.relu_(), *forks, last], dim=1)


def _chain(left: dict[str, Tensor], name: str, *paddings: int | tuple[int, int]) -> nn.Sequential:
    """Return the convolutions `name.conv_1`, `name.conv_2` … in a row."""
    kinds = [_Seven if padding in (_WIDE, _TALL) else _Conv for padding in paddings]
    layers = enumerate(zip(kinds, paddings, strict=True), start=1)
    return nn.Sequential(*(kind(left, f"{name}.conv_{index}", 1, padding) for index, (kind, padding) in layers))


def _around(x: Tensor) -> Tensor:
    """Return the activation of the mean of each pixel and its neighbours inside the image."""
    return avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False).relu_()
