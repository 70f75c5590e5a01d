"""What the authors of StyleGAN2 publish, imitated small: modules, networks, files, and the sums of their layers."""

from __future__ import annotations

import math
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIDE, LATENT, LAYERS = 16, 6, 3
WIDTHS = {4: 5, 8: 5, 16: 3}
OPTIONS = {"side": SIDE, "latent_size": LATENT, "mapping_layers": LAYERS, "channel_base": 48, "channel_max": 5}
Weights = dict[str, Tensor]
Authors = Callable[[], pytest.MonkeyPatch]


class Network(nn.Module):
    """A part of a network that pickles as the authors' parts do."""

    source = ""

    def __reduce__(self) -> Any:
        rebuild = sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj
        state = self.__dict__
        meta = {"type": "class", "version": 6, "module_src": self.source, "class_name": "Part", "state": state}
        return rebuild, (meta,), None


class Call:
    """Pickles as a call: what an evil file does."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def rebuilt(meta: Any) -> Any:
    """Do what the authors' function does with a part: run its source code."""
    exec(meta["module_src"])
    return meta


def arrivals() -> Iterator[Authors]:
    """Yield what puts the authors' modules in place; they are gone in the end, or when undone."""
    patch = pytest.MonkeyPatch()

    def arrive() -> pytest.MonkeyPatch:
        persistence, util = ModuleType("torch_utils.persistence"), ModuleType("dnnlib.util")
        rebuilt.__module__, rebuilt.__qualname__ = "torch_utils.persistence", "_reconstruct_persistent_obj"
        easy = type("EasyDict", (dict,), {"__module__": "dnnlib.util"})
        patch.setattr(persistence, "_reconstruct_persistent_obj", rebuilt, raising=False)
        patch.setattr(util, "EasyDict", easy, raising=False)
        for module in (ModuleType("torch_utils"), ModuleType("dnnlib"), persistence, util):
            patch.setitem(sys.modules, module.__name__, module)
        return patch

    yield arrive
    patch.undo()


def weights() -> Weights:
    """Draw an averaged generator under the names its authors gave its arrays."""
    source = torch.Generator().manual_seed(0)
    drawn: Weights = {}

    def draw(name: str, *shape: int, size: float = 1.0) -> None:
        drawn[name] = size * torch.randn(shape, generator=source)

    def styled(name: str, inputs: int, outputs: int, kernel: int, size: float = 1.0) -> None:
        draw(f"{name}.affine.weight", inputs, LATENT)
        draw(f"{name}.affine.bias", inputs)
        draw(f"{name}.weight", outputs, inputs, kernel, kernel, size=size)
        draw(f"{name}.bias", outputs, size=size)

    for k in range(LAYERS):
        draw(f"mapping.fc{k}.weight", LATENT, LATENT, size=100.0)
        draw(f"mapping.fc{k}.bias", LATENT, size=30.0)
    draw("mapping.w_avg", LATENT)
    draw("synthesis.b4.const", WIDTHS[4], 4, 4)
    before = WIDTHS[4]
    for side, width in WIDTHS.items():
        block = f"synthesis.b{side}"
        for conv, inputs in ([("conv0", before)] if side > 4 else []) + [("conv1", width)]:
            styled(f"{block}.{conv}", inputs, width, 3)
            draw(f"{block}.{conv}.noise_const", side, side)
            draw(f"{block}.{conv}.noise_strength")
            drawn[f"{block}.{conv}.resample_filter"] = smoother()
        styled(f"{block}.torgb", width, 3, 1, size=0.2)
        drawn[f"{block}.resample_filter"] = smoother()
        before = width
    return drawn


def judging() -> Weights:
    """Draw a discriminator under the names its authors gave its arrays."""
    source = torch.Generator().manual_seed(2)
    drawn: Weights = {}

    def draw(name: str, *shape: int, bias: bool = True) -> None:
        drawn[f"{name}.weight"] = torch.randn(shape, generator=source)
        if bias:
            drawn[f"{name}.bias"] = torch.randn(shape[0], generator=source)

    draw(f"b{SIDE}.fromrgb", WIDTHS[SIDE], 3, 1, 1)
    for side in (side for side in sorted(WIDTHS, reverse=True) if side > 4):
        inputs, outputs = WIDTHS[side], WIDTHS[side // 2]
        draw(f"b{side}.conv0", inputs, inputs, 3, 3)
        draw(f"b{side}.conv1", outputs, inputs, 3, 3)
        draw(f"b{side}.skip", outputs, inputs, 1, 1, bias=False)
        drawn |= {f"b{side}.{part}.resample_filter": smoother() for part in ("conv0", "conv1", "skip")}
    draw("b4.conv", WIDTHS[4], WIDTHS[4] + 1, 3, 3)
    draw("b4.fc", WIDTHS[4], 16 * WIDTHS[4])
    draw("b4.out", 1, WIDTHS[4])
    return drawn


def smoother() -> Tensor:
    line = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(line, line) / 64.0


def network(arrays: Weights, source: str = "") -> Network:
    """Build a network of nested parts, whose attributes are of the kinds the authors' have."""
    root = Network()
    for name, array in arrays.items():
        *parts, last = name.split(".")
        part: Any = root
        for key in parts:
            if key not in part._modules:
                part.add_module(key, Network())
            part = part.get_submodule(key)
        if last in ("noise_const", "resample_filter", "w_avg"):
            part.register_buffer(last, array)
        else:
            part.register_parameter(last, nn.Parameter(array))
        part.weight_gain = np.float64(1.0) / np.sqrt(3.0)
        if "fc" in name or "affine" in name:
            part.bias_gain = 0.01 if name.startswith("mapping.") else 1.0
            part.activation = "lrelu" if "fc" in name else "linear"
    for part in root.modules():
        part.source = source
        part._init_kwargs = sys.modules["dnnlib.util"].EasyDict(z_dim=LATENT, mapping_kwargs={"num_layers": LAYERS})
    return root


def content(averaged: Any, source: str = "", judge: Any = None) -> dict[str, Any]:
    other = judge or network({"b16.fromrgb.weight": torch.ones(3, 3, 1, 1)}, source)
    kwargs = sys.modules["dnnlib.util"].EasyDict(class_name="training.dataset.ImageFolderDataset", resolution=SIDE)
    return {"G": other, "D": other, "G_ema": averaged, "training_set_kwargs": kwargs, "augment_pipe": None}


def spread(x: Tensor) -> Tensor:
    y = torch.zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
    y[..., ::2, ::2] = x
    return y


def filtered(x: Tensor, before: int, after: int) -> Tensor:
    count, channels = x.shape[:2]
    lone = F.pad(x, (before, after, before, after)).flatten(0, 1)[:, None]
    y: Tensor = F.conv2d(lone, 4.0 * smoother()[None, None])
    return y.view(count, channels, *y.shape[2:])


def activated(x: Tensor) -> Tensor:
    return math.sqrt(2.0) * torch.where(x > 0.0, x, 0.2 * x)


def file_of(
    folder: Path,
    authors: Authors,
    arrays: Weights,
    change: Callable[[Any], Any] = lambda tree: tree,
    judge: Weights | None = None,
) -> Path:
    """Write the file of a generator, and of a discriminator where one is given."""
    path = folder / "file.pkl"
    patch = authors()
    path.write_bytes(pickle.dumps(change(content(network(arrays), judge=network(judge) if judge else None))))
    patch.undo()
    return path
