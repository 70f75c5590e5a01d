"""Perceptual distance by the features of a trained AlexNet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lpips
import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from gexbench.core.metric import Evidence
from gexbench.errors import AssetMissing
from gexbench.metrics.pixel import Recipe, mean_over

ASSET = "lpips-alex"
_CHANNELS = (64, 192, 384, 256, 256)
_SLICES = ((0, 2), (2, 5), (5, 8), (8, 10), (10, 12))


class Lpips:
    """LPIPS v0.1 on AlexNet, mean over images; `Lpips(settings, assets)`, settings as in `pixel.Recipe`.

    assets: "lpips-alex" is a safetensors file of AlexNet's convolutions (`features.N.weight`, `features.N.bias`,
    numbered as torchvision does) and the heads `lins.K.weight` (1,C,1,1). Raises AssetMissing when the file is not
    there or a tensor is missing, left over, or of another shape or type. Computed in float32 on the CPU. Source: Zhang,
    Isola, Efros, Shechtman, Wang 2018, eq. 1.
    """

    def __init__(self, settings: Mapping[str, Any], assets: Mapping[str, Path]) -> None:
        self._recipe = Recipe.of({key: value for key, value in settings.items() if key != "precision"})
        self._net = _load(assets)

    def measure(self, evidence: Evidence) -> float:
        """Return the mean distance, 0 for identical images; raises ValueError as `pixel.pairs`, and below 31 pixels."""
        return mean_over(evidence, self._recipe, self.distance)

    def distance(self, a: Tensor, b: Tensor) -> float:
        """Return the distance of two images, each (3,H,W) in [0,1] with sides of 31 pixels or more."""
        if min(a.shape[-2:]) < 31:
            raise ValueError(f"LPIPS needs sides of 31 pixels or more, got {a.shape[-2]}x{a.shape[-1]}")
        with torch.inference_mode(), torch.autocast("cpu", enabled=False):
            both = torch.stack([a, b]).float()
            return float(self._net(both * 2.0 - 1.0))


class _Perceptual(nn.Module):
    """The network of the lpips package, built from its parts: its own constructor loads weights and warns."""

    def __init__(self) -> None:
        super().__init__()
        # On "meta" the layers take no memory and no draw from the global generator: weights come from the file.
        with torch.device("meta"):
            self.features = _alexnet_features()
            self.lins = nn.ModuleList(nn.Conv2d(channels, 1, kernel_size=1, bias=False) for channels in _CHANNELS)
        self.scaling = lpips.ScalingLayer()

    def forward(self, both: Tensor) -> Tensor:
        """Return the distance of the two images of a (2,3,H,W) batch in [-1,1]."""
        x: Tensor = self.scaling(both)
        total = x.new_zeros(())
        for (start, stop), head in zip(_SLICES, self.lins, strict=True):
            x = self.features[start:stop](x)
            unit = lpips.normalize_tensor(x)
            total = total + head((unit[:1] - unit[1:]).square()).mean()
        return total


def _alexnet_features() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Conv2d(64, 192, kernel_size=5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Conv2d(192, 384, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, kernel_size=3, padding=1),
        nn.ReLU(),
    )


def _load(assets: Mapping[str, Path]) -> _Perceptual:
    hint = f"gexbench assets fetch {ASSET}"
    if ASSET not in assets:
        raise AssetMissing(f"LPIPS needs the asset {ASSET}; its card names {', '.join(assets) or 'none'}", hint)
    path = assets[ASSET]
    try:
        weights = load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise AssetMissing(f"cannot read {ASSET} at {path}: {error}", hint) from error
    net = _Perceptual()
    wrong = _differences(dict(net.named_parameters()), weights)
    if wrong:
        raise AssetMissing(f"{path} is not the network of {ASSET}: {'; '.join(wrong)}", hint)
    constants = {f"scaling.{name}": value for name, value in net.scaling.state_dict().items()}
    net.load_state_dict(weights | constants, strict=True, assign=True)
    return net.eval().requires_grad_(False)


def _differences(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> list[str]:
    names = sorted(wanted.keys() | given.keys())
    told = [(name, _told(given.get(name)), _told(wanted.get(name))) for name in names]
    return [f"{name} is {got}, expected {expected}" for name, got, expected in told if got != expected]


def _told(tensor: Tensor | None) -> str:
    return "absent" if tensor is None else f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
