"""The discriminators of U-GAT-IT, which judge patches at two scales and attend to what gives fakes away."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from gexbench.nets.ugatit_generator import ClassActivation


class UGATITDiscriminator(nn.Module):
    """Judge images (N,3,H,W) in [0,1]: for each depth, logits of patches (N,1,h,w) and of the attention (N,2).

    layers: the depth of each judge, 3 or more, local to global; one of depth d halves the sides d-2 times, so the
    smaller side must have 3*2^(d-2) pixels or more. channels: width after the first layer. The defaults have 56,420,736
    parameters. Works on [-1,1] inside; spectral norms, whose vectors the state dict holds. Raises ValueError on other
    depths and smaller images. Source: Kim, Kim, Kang and Lee 2020, section 2.1 and appendix (arXiv 1907.10830).
    """

    def __init__(self, channels: int = 64, layers: Sequence[int] = (5, 7)) -> None:
        super().__init__()
        if channels < 1 or not layers or min(layers) < 3:
            raise ValueError(f"channels {channels} must be 1 or more, layers {tuple(layers)} each 3 or more")
        self.judges = nn.ModuleList(Judge(channels, depth) for depth in layers)
        self._smallest = 3 * 2 ** (max(layers) - 2)

    def forward(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return the logits, above 0 for what is taken to be real."""
        if min(x.shape[-2:]) < self._smallest:
            raise ValueError(f"sides must be {self._smallest} or more, got {x.shape[-2]}x{x.shape[-1]}")
        return [judge(2.0 * x - 1.0) for judge in self.judges]


class Judge(nn.Module):
    """Judge images (N,3,H,W) in [-1,1] at one scale: logits (N,1,h,w) of patches and (N,2) of the attention."""

    def __init__(self, channels: int, depth: int) -> None:
        super().__init__()
        widths = [channels * 2**level for level in range(depth - 1)]
        layers: list[nn.Module] = []
        for level, (before, width) in enumerate(zip([3, *widths], widths, strict=False)):
            stride = 1 if level == depth - 2 else 2
            layers += [_judging(before, width, stride), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers)
        self.attention = ClassActivation(widths[-1], nn.LeakyReLU(0.2), spectral=True)
        self.last = _judging(widths[-1], 1, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the two kinds of logits."""
        y, logits = self.attention(self.layers(x))
        return self.last(y), logits


def _judging(inputs: int, outputs: int, stride: int = 1, bias: bool = True) -> nn.Module:
    return spectral_norm(nn.Conv2d(inputs, outputs, 4, stride, padding=1, bias=bias, padding_mode="reflect"))
