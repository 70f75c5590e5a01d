"""Features of the FID Inception network, with the resize rules that published FIDs were computed with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import interpolate

from gexbench.errors import AssetMissing, CardError, nearest
from gexbench.nets.inception import SIDE, Inception

ASSET = "fid-inception"
_SETTINGS = ("resize", "precision")
_PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class InceptionFeatures:
    """Pooled Inception features, 2048 an image; `InceptionFeatures(settings, assets)`.

    settings: "resize" is one of `RESIZES`; "precision" is "float32", or "bfloat16" for the network's arithmetic alone:
    resizing and normalising are float32 always. assets: "fid-inception" is the file of the asset card. Raises
    AssetMissing when the file is not there or not that network, CardError for other settings. Source: Heusel et al.
    2017, section 3; Parmar, Zhang and Zhu 2022 for the resize rules.
    """

    def __init__(self, settings: Mapping[str, Any], assets: Mapping[str, Path]) -> None:
        self._resize = _chosen("resize", settings, RESIZES)
        self._precision = _chosen("precision", settings, _PRECISIONS)
        self._net = _load(assets).to(self._precision)
        self._device = torch.device("cpu")

    def to(self, device: str) -> InceptionFeatures:
        """Return this extractor on another device."""
        self._net.to(device)
        self._device = torch.device(device)
        return self

    def prepare(self, image: Tensor) -> Tensor:
        """Return (3,299,299) float32, normalised as the resize rule's source does, for (3,H,W) uint8."""
        resized: Tensor = self._resize(image)
        return resized

    def features(self, batch: Tensor) -> Tensor:
        """Return (N,2048) float32 on the CPU for prepared images (N,3,299,299)."""
        # On the CPU these flags do nothing, but threads that set and reset them would leave them changed.
        on_gpu = self._device.type == "cuda"
        exact = torch.backends.cudnn.flags(True, allow_tf32=False, deterministic=True) if on_gpu else nullcontext()
        with torch.inference_mode(), exact:
            x = batch.to(self._device, self._precision, memory_format=torch.channels_last)
            rows: Tensor = self._net(x).cpu()
            return rows


def clean(image: Tensor) -> Tensor:
    """Resize as clean-fid: Pillow's antialiased bicubic on each plane in float32, clamped to [0,255], not rounded."""
    planes = (Image.fromarray(plane).convert("F") for plane in image.numpy())
    resized = [np.asarray(plane.resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for plane in planes]
    return _normalised(torch.from_numpy(np.stack(resized)).clamp_(0.0, 255.0))


def legacy_tf(image: Tensor) -> Tensor:
    """Resize as TensorFlow 1 did inside the original FID: bilinear from the upper left corner, not antialiased."""
    top, bottom, down = _corners(image.shape[-2])
    left, right, across = _corners(image.shape[-1])
    x = image.float()
    rows = torch.lerp(x[:, top], x[:, bottom], down[:, None])
    return _normalised(torch.lerp(rows[..., left], rows[..., right], across))


def legacy_pytorch(image: Tensor) -> Tensor:
    """Resize as pytorch-fid: bilinear between pixel centres, not antialiased, and scaled to [-1,1]."""
    x = interpolate(image[None].float() / 255.0, size=(SIDE, SIDE), mode="bilinear", align_corners=False)[0]
    return x * 2.0 - 1.0


RESIZES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "clean": clean,
    "legacy-tf": legacy_tf,
    "legacy-pytorch": legacy_pytorch,
}


def _corners(side: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return for each of 299 places the pixels before and after it, and how far it lies towards the one after."""
    place = torch.arange(SIDE, dtype=torch.float32) * (torch.tensor(side, dtype=torch.float32) / SIDE)
    before = place.floor().long()
    return before, (before + 1).clamp(max=side - 1), place - before


def _normalised(x: Tensor) -> Tensor:
    return (x - 128.0) / 128.0


def _chosen(key: str, settings: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    for name in settings:
        if name not in _SETTINGS:
            raise CardError(f"settings.{name} is not a setting of InceptionFeatures", nearest(name, _SETTINGS))
    if settings.get(key) not in known:
        raise CardError(f"settings.{key} = {settings.get(key)!r} is refused", nearest(str(settings.get(key)), known))
    return known[settings[key]]


def _load(assets: Mapping[str, Path]) -> Inception:
    hint = f"gexbench assets fetch {ASSET}"
    if ASSET not in assets:
        raise AssetMissing(f"Inception needs the asset {ASSET}; its card names {', '.join(assets) or 'none'}", hint)
    try:
        return Inception(load_file(assets[ASSET]))
    except (OSError, safetensors.SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise AssetMissing(f"{assets[ASSET]} is not the network of {ASSET}: {error}", hint) from error
