"""The residual discriminator of SNGAN, spectrally normalised."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from gexbench.nets.sngan import GAIN, glorot, halved

WIDTHS = {32: (1, 1, 1, 1), 48: (1, 2, 4, 8, 16), 64: (1, 2, 4, 8, 16)}
HALVINGS = {32: 2, 48: 4, 64: 5}


class SNGANDiscriminator(nn.Module):
    """Judge images: (N,3,side,side) in [0,1] to logits (N,1), above 0 for images taken to be real.

    side: 32, 48 or 64 pixels. channels: width of the first block; at 32 pixels all are as wide, at larger sides the
    width doubles from block to block. The paper has 128 at 32 pixels (1,053,825 parameters), the default, and 64 at 48
    and, in the same authors' next paper, at 64 (both 10,141,441). Works on [-1,1] inside. Every layer is divided by its
    spectral norm, whose vectors the state dict holds and each pass in training brings nearer by one step. First weights
    as in the generator. Raises ValueError on other sides and on channels below 1. Source: Miyato, Kataoka, Koyama and
    Yoshida 2018, appendix B.4, tables 4 and 5 (arXiv 1802.05957); Miyato and Koyama 2018 for 64 pixels (arXiv
    1802.05637).
    """

    def __init__(self, side: int = 32, channels: int = 128) -> None:
        super().__init__()
        if side not in WIDTHS:
            raise ValueError(f"side {side} must be one of {', '.join(map(str, WIDTHS))}")
        if channels < 1:
            raise ValueError(f"channels {channels} must be 1 or more")
        self.config = {"side": side, "channels": channels}
        widths = [channels * width for width in WIDTHS[side]]
        blocks = (_Block(*pair, halve=level < HALVINGS[side]) for level, pair in enumerate(pairwise(widths), 1))
        self.blocks = nn.Sequential(_FirstBlock(widths[0]), *blocks)
        self.last = spectral_norm(glorot(nn.Linear(widths[-1], 1)))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        y: Tensor = self.blocks(2.0 * x - 1.0)
        logits: Tensor = self.last(F.relu(y).sum(dim=(2, 3)))
        return logits


class _FirstBlock(nn.Module):
    """Halve the sides of images: (N,3,2h,2w) to (N,outputs,h,w)."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.first, self.second, self.skip = _conv(3, outputs), _conv(outputs, outputs), _conv(3, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the halved input plus what the block adds."""
        y = halved(F.relu(self.first(x)), self.second.weight, self.second.bias)
        out: Tensor = y + self.skip(F.avg_pool2d(x, 2))
        return out


class _Block(nn.Module):
    """Judge features: (N,inputs,h,w) to (N,outputs,h,w), or half the sides."""

    def __init__(self, inputs: int, outputs: int, halve: bool) -> None:
        super().__init__()
        self.first, self.second = _conv(inputs, inputs), _conv(inputs, outputs)
        self.skip = _conv(inputs, outputs, 1) if halve or inputs != outputs else nn.Identity()
        self._halve = halve

    def forward(self, x: Tensor) -> Tensor:
        """Return the input, halved if so asked, plus what the block adds."""
        y = F.relu(self.first(F.relu(x)))
        if self._halve:
            y, x = halved(y, self.second.weight, self.second.bias), F.avg_pool2d(x, 2)
        else:
            y = self.second(y)
        out: Tensor = y + self.skip(x)
        return out


def _conv(inputs: int, outputs: int, kernel: int = 3) -> nn.Conv2d:
    layer = glorot(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), GAIN if kernel == 3 else 1.0)
    spectral_norm(layer)
    return layer
