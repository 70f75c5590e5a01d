"""VGG16's convolutions, for content losses."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn

from gexbench.errors import AssetMissing


class VGG16Features(nn.Module):
    """Look at images through a pretrained VGG16 up to one layer: (N,3,H,W) in [0,1] to (N,C,H',W').

    layer: torchvision's name, "features.0" to "features.30"; "features.29" is the last activation (relu5_3). The
    weights are frozen and the images are normalised with ImageNet's mean and deviation. SRGAN's paper looks through
    VGG19's relu5_4; the weights that can be had freely here are VGG16's, a stand-in. weights: a safetensors file with
    `features.<index>.weight` and `.bias`; its `lins.*` (LPIPS heads) are not for this use.
    Raises ValueError for an unknown layer, AssetMissing when the file lacks a weight or holds a foreign one.
    Source: Simonyan and Zisserman 2015 (arXiv 1409.1556), table 1, column D.
    """

    def __init__(self, weights: Path, layer: str) -> None:
        super().__init__()
        self.features = _layers(layer)
        self.features.load_state_dict(_read(weights, self.features), strict=True)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))
        self.requires_grad_(False).eval()

    def forward(self, x: Tensor) -> Tensor:
        """Return the features at the layer."""
        out: Tensor = self.features((x - self.get_buffer("mean")) / self.get_buffer("std"))
        return out


def _layers(layer: str) -> nn.Sequential:
    """Return torchvision's layers up to one, their weights still to be read."""
    from torchvision.models import vgg16  # a second to import, and only a training of SRGAN looks

    with torch.device("meta"):
        layers = vgg16(weights=None, init_weights=False).features
    names = [f"features.{index}" for index in range(len(layers))]
    if layer not in names:
        raise ValueError(f"layer {layer!r} is none of VGG16's: {names[0]} to {names[-1]}")
    wanted: nn.Sequential = layers[: names.index(layer) + 1].to_empty(device="cpu")
    return wanted


def _read(weights: Path, features: nn.Sequential) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    with safe_open(str(weights), framework="pt") as file:
        for key in file.keys():  # noqa: SIM118 - the file is no mapping
            match = re.fullmatch(r"features\.(\d+)\.(weight|bias)", key)
            if match is None and not key.startswith("lins."):
                raise AssetMissing(f"{weights} holds {key!r}, which is no part of VGG16", "fetch the asset again")
            if match is not None and int(match[1]) < len(features):
                found[f"{match[1]}.{match[2]}"] = file.get_tensor(key)
    if found.keys() != features.state_dict().keys():
        odd = ", ".join(sorted(found.keys() ^ features.state_dict().keys()))
        raise AssetMissing(f"{weights} does not hold VGG16 up to features.{len(features) - 1}: see {odd}")
    return found
