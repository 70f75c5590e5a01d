"""Perceptual distance by the features of a trained AlexNet or VGG16."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lpips
import safetensors
import torch
import torchvision
from safetensors.torch import load_file
from torch import Tensor, nn

from gexbench.core.metric import Evidence
from gexbench.errors import AssetMissing
from gexbench.metrics.pixel import Recipe, each, mean


class Lpips:
    """LPIPS v0.1, mean over images; `Lpips(settings, assets)`, settings as in `pixel.Recipe`.

    assets: "lpips-alex" or "lpips-vgg", which is also the choice of network: a safetensors file of its convolutions
    (`features.N.weight`, `features.N.bias`, numbered as torchvision does) and the heads `lins.K.weight` (1,C,1,1).
    Raises AssetMissing when not exactly one of the two is named, when the file is not there, or a tensor is missing,
    left over, or of another shape or type. Computed in float32 on the CPU. Source: Zhang, Isola, Efros, Shechtman, Wang
    2018, eq. 1.
    """

    def __init__(self, settings: Mapping[str, Any], assets: Mapping[str, Path]) -> None:
        self._recipe = Recipe.of({key: value for key, value in settings.items() if key != "precision"})
        asset = _asset(assets)
        self._smallest = _TRUNKS[asset].smallest
        self._net = _load(asset, assets[asset])

    def measure(self, evidence: Evidence) -> float:
        """Return the mean distance, 0 for identical images; raises ValueError as `pixel.pairs` and `distance`."""
        return mean(self.values(evidence))

    def values(self, evidence: Evidence) -> Iterator[float]:
        """Yield the value of each pair."""
        return each(evidence, self._recipe, self.distance)

    def distance(self, a: Tensor, b: Tensor) -> float:
        """Return the distance of two images, each (3,H,W) in [0,1].

        Raises ValueError when a side is below 31 pixels (AlexNet) or 16 (VGG16), where the last layer would see none.
        """
        if min(a.shape[-2:]) < self._smallest:
            size = f"{a.shape[-2]}x{a.shape[-1]}"
            raise ValueError(f"LPIPS needs sides of {self._smallest} pixels or more, got {size}")
        with torch.inference_mode(), torch.autocast("cpu", enabled=False):
            both = torch.stack([a, b]).float()
            return float(self._net(both * 2.0 - 1.0))


@dataclass(frozen=True)
class _Trunk:
    """One of torchvision's networks, and the layers of its `features` whose output is compared.

    channels: of those layers. ends: the index after each. smallest: the shortest side it takes, in pixels. memory: the
    layout of the weights, and so of all features; channels last is quicker for VGG16 on the CPU.
    """

    build: Callable[..., Any]
    channels: tuple[int, ...]
    ends: tuple[int, ...]
    smallest: int
    memory: torch.memory_format


_TRUNKS = {
    "lpips-alex": _Trunk(
        torchvision.models.alexnet,
        channels=(64, 192, 384, 256, 256),
        ends=(2, 5, 8, 10, 12),
        smallest=31,
        memory=torch.contiguous_format,  # the other would change published values in the last bit
    ),
    "lpips-vgg": _Trunk(
        torchvision.models.vgg16,
        channels=(64, 128, 256, 512, 512),
        ends=(4, 9, 16, 23, 30),
        smallest=16,
        memory=torch.channels_last,
    ),
}


class _Perceptual(nn.Module):
    """The network of the lpips package, built from its parts: its own constructor loads weights and warns."""

    def __init__(self, trunk: _Trunk) -> None:
        super().__init__()
        self.slices = tuple(zip((0, *trunk.ends[:-1]), trunk.ends, strict=True))
        # On "meta" the layers take no memory and no draw from the global generator: weights come from the file.
        with torch.device("meta"):
            self.features: nn.Sequential = trunk.build(weights=None).features[: trunk.ends[-1]]
            self.lins = nn.ModuleList(nn.Conv2d(width, 1, kernel_size=1, bias=False) for width in trunk.channels)
        self.scaling = lpips.ScalingLayer()

    def forward(self, both: Tensor) -> Tensor:
        """Return the distance of the two images of a (2,3,H,W) batch in [-1,1]."""
        x: Tensor = self.scaling(both)
        total = x.new_zeros(())
        for (start, stop), head in zip(self.slices, self.lins, strict=True):
            x = self.features[start:stop](x)
            unit = lpips.normalize_tensor(x)
            total = total + head((unit[:1] - unit[1:]).square()).mean()
        return total


def _asset(assets: Mapping[str, Path]) -> str:
    named = [asset for asset in _TRUNKS if asset in assets]
    if len(named) != 1:
        told = f"LPIPS needs one asset, {' or '.join(_TRUNKS)}; its card names {', '.join(assets) or 'none'}"
        raise AssetMissing(told, f"gexbench assets fetch {next(iter(_TRUNKS))}")
    return named[0]


def _load(asset: str, path: Path) -> _Perceptual:
    hint = f"gexbench assets fetch {asset}"
    try:
        weights = load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise AssetMissing(f"cannot read {asset} at {path}: {error}", hint) from error
    net = _Perceptual(_TRUNKS[asset])
    wrong = _differences(dict(net.named_parameters()), weights)
    if wrong:
        raise AssetMissing(f"{path} is not the network of {asset}: {'; '.join(wrong)}", hint)
    constants = {f"scaling.{name}": value for name, value in net.scaling.state_dict().items()}
    net.load_state_dict(weights | constants, strict=True, assign=True)
    return net.to(memory_format=_TRUNKS[asset].memory).eval().requires_grad_(False)


def _differences(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> list[str]:
    names = sorted(wanted.keys() | given.keys())
    told = [(name, _told(given.get(name)), _told(wanted.get(name))) for name in names]
    return [f"{name} is {got}, expected {expected}" for name, got, expected in told if got != expected]


def _told(tensor: Tensor | None) -> str:
    return "absent" if tensor is None else f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
