"""The dual aggregation transformer for super-resolution, in its light size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MEAN = (0.4488, 0.4371, 0.4040)
BLOCKED = -100.0
"""What is added to the score of two pixels that do not belong to one window of the shifted image."""


@dataclass(frozen=True)
class DATOptions:
    """The numbers of the network; the defaults are those of DAT-light x4, 572,766 parameters.

    channels: width, 32 or more, a multiple of heads. blocks: of attention, in turn over windows and over channels.
    heads: of attention, an even number. window: the short and the long side of a window, in pixels. scale: output side
    over input side. Raises ValueError on other numbers.
    """

    channels: int = 60
    blocks: int = 18
    heads: int = 6
    window: tuple[int, int] = (8, 32)
    scale: int = 4

    def __post_init__(self) -> None:
        if self.heads % 2 or self.channels % self.heads or self.channels < 32 or min(self.blocks, self.scale) < 1:
            raise ValueError(
                f"channels {self.channels} must be 32 or more and a multiple of heads {self.heads}, which must be "
                f"even; blocks {self.blocks} and scale {self.scale} 1 or more"
            )


class DAT(nn.Module):
    """Enlarge images: (N,3,h,w) to (N,3,s*h,s*w), float32 RGB in [0,1]; clamped in evaluation mode.

    Source: Chen et al. 2023, Dual Aggregation Transformer for Image Super-Resolution (arXiv 2308.03364), section 3, and
    its released code for the light size: one group of blocks, an upsampler of one step.
    """

    def __init__(self, options: DATOptions | None = None) -> None:
        super().__init__()
        options = options or DATOptions()
        self.config = {"options": options}
        width = options.channels
        self.conv_first = nn.Conv2d(3, width, 3, padding=1)
        self.before_RG = nn.Sequential(nn.Identity(), nn.LayerNorm(width))
        self.layers = nn.ModuleList([_Group(options)])
        self.norm = nn.LayerNorm(width)
        self.conv_after_body = _bottleneck(width)
        self.upsample = nn.Sequential(
            nn.Conv2d(width, 3 * options.scale**2, 3, padding=1), nn.PixelShuffle(options.scale)
        )
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.mean: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Return the enlarged images."""
        first = self.conv_first(x - self.mean)
        deep = self.before_RG(_last(first))
        for layer in self.layers:
            deep = layer(deep)
        made: Tensor = self.upsample(self.conv_after_body(_second(self.norm(deep))) + first) + self.mean
        return made if self.training else made.clamp(0.0, 1.0)


class _Group(nn.Module):
    """All blocks, then convolutions, added to the input: (N,H,W,C) to the same."""

    def __init__(self, options: DATOptions) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(_Block(options, place) for place in range(options.blocks))
        self.conv = _bottleneck(options.channels)

    def forward(self, x: Tensor) -> Tensor:
        out = x
        for block in self.blocks:
            out = block(out)
        return x + _last(self.conv(_second(out)))


class _Block(nn.Module):
    """Attention and a feed-forward part, each added to its input. Even places look over windows, odd over channels."""

    def __init__(self, options: DATOptions, place: int) -> None:
        super().__init__()
        width = options.channels
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        shifted = place % 4 == 2
        self.attn = _OverChannels(width, options.heads) if place % 2 else _OverWindows(options, shifted)
        self.ffn = _FeedForward(width, 2 * width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        added: Tensor = self.ffn(self.norm2(x))
        return x + added


class _Mixed(nn.Module):
    """What both attentions share: queries, keys, values, a convolution beside, and how the two are brought together."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.dwconv = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, groups=width), nn.BatchNorm2d(width), nn.GELU()
        )
        self.channel_interaction = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(width, width // 8, 1),
            nn.BatchNorm2d(width // 8),
            nn.GELU(),
            nn.Conv2d(width // 8, width, 1),
        )
        self.spatial_interaction = nn.Sequential(
            nn.Conv2d(width, width // 16, 1), nn.BatchNorm2d(width // 16), nn.GELU(), nn.Conv2d(width // 16, 1, 1)
        )

    def joined(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the sum of two maps (N,C,H,W), gated by each other.

        That is `first` by what the channels of `second` say, and `second` by what each place of `first` says.
        """
        by_channel, by_place = self.channel_interaction(second).sigmoid(), self.spatial_interaction(first).sigmoid()
        out: Tensor = self.proj(_last(first * by_channel + second * by_place))
        return out


class _OverWindows(_Mixed):
    """Attention inside windows: half of the channels in upright ones, half in lying ones."""

    def __init__(self, options: DATOptions, shifted: bool) -> None:
        super().__init__(options.channels)
        short, long = options.window
        self._sides, self._shifted = ((short, long), (long, short)), shifted
        self.attns = nn.ModuleList(_Window(options.channels // 2, options.heads // 2, sides) for sides in self._sides)

    def forward(self, x: Tensor) -> Tensor:
        height, width, channels = x.shape[1:]
        qkv = self.qkv(x)
        values = _second(qkv[..., 2 * channels :])
        to = max(self._sides[0])
        qkv = F.pad(qkv, (0, 0, 0, -width % to, 0, -height % to))
        parts = qkv.unflatten(-1, (3, 2, channels // 2)).permute(4, 3, 0, 1, 2, 5)
        made = [self._attended(place, part)[:, :height, :width] for place, part in enumerate(parts)]
        return self.joined(_second(torch.cat(made, -1)), self.dwconv(values))

    def _attended(self, place: int, qkv: Tensor) -> Tensor:
        sides, attention = self._sides[place], self.attns[place]
        if not self._shifted:
            return attention(qkv, None)  # type: ignore[no-any-return]
        shift = (sides[0] // 2, sides[1] // 2)
        mask = _mask((qkv.shape[2], qkv.shape[3]), sides, shift).to(qkv)
        moved = attention(qkv.roll((-shift[0], -shift[1]), (2, 3)), mask)
        back: Tensor = moved.roll(shift, (1, 2))
        return back


class _OverChannels(_Mixed):
    """Attention between the channels of a head, over all places."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width)
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        heads = self.temperature.shape[0]
        qkv = _second(self.qkv(x))
        values = qkv.chunk(3, 1)[2]
        q, k, v = (part.unflatten(1, (heads, -1)).flatten(3) for part in qkv.chunk(3, 1))
        scores = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1) * self.temperature
        attended = (scores.softmax(-1) @ v).reshape(values.shape)
        # here the convolution is the side that is asked place by place
        return self.joined(self.dwconv(values), attended)


class _Window(nn.Module):
    """Attention inside windows of one shape, with a bias that depends on where two pixels lie to each other."""

    def __init__(self, width: int, heads: int, sides: tuple[int, int]) -> None:
        super().__init__()
        self._sides, self._heads = sides, heads
        self.pos = _PositionBias(width // 4, heads)
        steps = torch.stack(torch.meshgrid(*(torch.arange(1 - side, side) for side in sides), indexing="ij"))
        places = torch.stack(torch.meshgrid(*(torch.arange(side) for side in sides), indexing="ij")).flatten(1)
        apart = places[:, :, None] - places[:, None]
        rows, columns = apart[0] + sides[0] - 1, apart[1] + sides[1] - 1
        self.register_buffer("steps", steps.flatten(1).T.float(), persistent=False)
        self.register_buffer("which", rows * (2 * sides[1] - 1) + columns, persistent=False)
        self.steps: Tensor
        self.which: Tensor

    def forward(self, qkv: Tensor, mask: Tensor | None) -> Tensor:
        """Return what is attended to, (N,H,W,C), of qkv (3,N,H,W,C); mask: (windows,P,P), added to the scores."""
        q, k, v = _windows(qkv, self._sides).unflatten(-1, (self._heads, -1)).transpose(-3, -2)
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
        scores = scores + self.pos(self.steps)[self.which].permute(2, 0, 1)
        if mask is not None:
            scores = scores + mask[:, None]
        made = (scores.softmax(-1) @ v).transpose(-3, -2).flatten(-2)
        return _image(made, self._sides, (qkv.shape[2], qkv.shape[3]))


class _PositionBias(nn.Module):
    """A small network from the step between two pixels to a bias a head: (M,2) to (M,heads)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        inner = width // 4
        self.pos_proj = nn.Linear(2, inner)
        self.pos1, self.pos2, self.pos3 = (
            nn.Sequential(nn.LayerNorm(inner), nn.ReLU(), nn.Linear(inner, out)) for out in (inner, inner, heads)
        )

    def forward(self, steps: Tensor) -> Tensor:
        bias: Tensor = self.pos3(self.pos2(self.pos1(self.pos_proj(steps))))
        return bias


class _FeedForward(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner // 2, width)
        self.sg = _SpatialGate(inner // 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(self.sg(F.gelu(self.fc1(x))))
        return out


class _SpatialGate(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv = nn.Conv2d(width, width, 3, padding=1, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        kept, gate = x.chunk(2, -1)
        return kept * _last(self.conv(_second(self.norm(gate))))


def _bottleneck(width: int) -> nn.Sequential:
    inner = width // 4
    return nn.Sequential(
        nn.Conv2d(width, inner, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(inner, inner, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(inner, width, 3, padding=1),
    )


def _last(x: Tensor) -> Tensor:
    """Return (N,C,H,W) as (N,H,W,C)."""
    return x.permute(0, 2, 3, 1)


def _second(x: Tensor) -> Tensor:
    """Return (N,H,W,C) as (N,C,H,W)."""
    return x.permute(0, 3, 1, 2).contiguous()


def _windows(x: Tensor, sides: Sequence[int]) -> Tensor:
    """Cut (…,H,W,C) into windows (…,windows,pixels,C)."""
    height, width = x.shape[-3] // sides[0], x.shape[-2] // sides[1]
    cut = x.unflatten(-2, (width, sides[1])).unflatten(-4, (height, sides[0]))
    windows: Tensor = cut.transpose(-4, -3).flatten(-3, -2).flatten(-4, -3)
    return windows


def _image(x: Tensor, sides: Sequence[int], shape: tuple[int, int]) -> Tensor:
    """Lay windows (…,windows,pixels,C) side by side again: (…,H,W,C) of the shape H, W."""
    height, width = shape[0] // sides[0], shape[1] // sides[1]
    laid = x.unflatten(-2, (sides[0], sides[1])).unflatten(-4, (height, width))
    image: Tensor = laid.transpose(-4, -3).flatten(-3, -2).flatten(-4, -3)
    return image


def _mask(shape: tuple[int, int], sides: tuple[int, int], shift: tuple[int, int]) -> Tensor:
    """Return what keeps pixels apart that the shift brought into one window: (windows,P,P), 0 or BLOCKED."""
    region = torch.zeros(shape)
    for axis in (0, 1):
        at = torch.arange(shape[axis])
        part = (at >= shape[axis] - sides[axis]).int() + (at >= shape[axis] - shift[axis]).int()
        region = region + (3 * part[:, None] if axis == 0 else part[None])
    windows = _windows(region[..., None], sides)[..., 0]
    return (windows[:, None] != windows[:, :, None]) * BLOCKED
