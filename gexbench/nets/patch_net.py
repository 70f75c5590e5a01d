"""A net of small receptive field, for translations that look at little of an image at a time."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn


class PatchNet(nn.Module):
    """Translate images: (N,3,H,W) to the same shape, float32 RGB in [0,1]; sides of 2 pixels or more.

    A stack of 3x3 convolutions with ReLU between them, added to the input; no normalisation, so that an output depends
    on nothing outside its window; borders reflected. layers: number of convolutions. channels: width between them. In
    training mode the output is not clamped, so that gradients reach pixels outside [0,1]; in evaluation mode it is.
    Raises ValueError on less than 2 layers or 1 channel. Source: the plainest net in which, after Spingarn-Eliezer and
    Michaeli 2024 (arXiv 2406.00828), one pair teaches enough.
    """

    def __init__(self, layers: int = 8, channels: int = 64) -> None:
        super().__init__()
        self.config = {"layers": layers, "channels": channels}
        if layers < 2 or channels < 1:
            raise ValueError(f"layers {layers} must be 2 or more, channels {channels} 1 or more")
        self.receptive_field = 2 * layers + 1
        """The side of the window an output pixel depends on, in pixels."""
        widths = [3, *[channels] * (layers - 1)]
        stack: list[nn.Module] = []
        for before, width in pairwise(widths):
            stack += [_convolution(before, width), nn.ReLU()]
        self.layers = nn.Sequential(*stack, _convolution(channels, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Return the translated images."""
        out: Tensor = x + self.layers(2.0 * x - 1.0).float()
        return out if self.training else out.clamp(0.0, 1.0)


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect")
