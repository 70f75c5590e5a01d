"""FID by clean-fid's own resize, network and feature loop, with the weights of the asset `fid-inception`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from cleanfid import inception_pytorch
from cleanfid.fid import get_batch_features
from cleanfid.inception_torchscript import InceptionV3W
from cleanfid.resize import build_resizer
from numpy.typing import NDArray
from scipy.linalg import sqrtm
from torch import Tensor, nn

from gexbench.core.attack import Progress
from gexbench.engine.scoring.features.images import ImageSet

_BATCH = 8
_RIDGE = 1e-6
_STEM = {
    "conv": "Conv2d_1a_3x3",
    "conv_1": "Conv2d_2a_3x3",
    "conv_2": "Conv2d_2b_3x3",
    "conv_3": "Conv2d_3b_1x1",
    "conv_4": "Conv2d_4a_3x3",
}
_SQUARE = {
    "conv": "branch1x1",
    "tower.conv": "branch5x5_1",
    "tower.conv_1": "branch5x5_2",
    "tower_1.conv": "branch3x3dbl_1",
    "tower_1.conv_1": "branch3x3dbl_2",
    "tower_1.conv_2": "branch3x3dbl_3",
    "tower_2.conv": "branch_pool",
}
_SHRINK35 = {
    "conv": "branch3x3",
    "tower.conv": "branch3x3dbl_1",
    "tower.conv_1": "branch3x3dbl_2",
    "tower.conv_2": "branch3x3dbl_3",
}
_CROSS = {
    "conv": "branch1x1",
    "tower.conv": "branch7x7_1",
    "tower.conv_1": "branch7x7_2",
    "tower.conv_2": "branch7x7_3",
    "tower_1.conv": "branch7x7dbl_1",
    "tower_1.conv_1": "branch7x7dbl_2",
    "tower_1.conv_2": "branch7x7dbl_3",
    "tower_1.conv_3": "branch7x7dbl_4",
    "tower_1.conv_4": "branch7x7dbl_5",
    "tower_2.conv": "branch_pool",
}
_SHRINK17 = {
    "tower.conv": "branch3x3_1",
    "tower.conv_1": "branch3x3_2",
    "tower_1.conv": "branch7x7x3_1",
    "tower_1.conv_1": "branch7x7x3_2",
    "tower_1.conv_2": "branch7x7x3_3",
    "tower_1.conv_3": "branch7x7x3_4",
}
_FORK = {
    "conv": "branch1x1",
    "tower_conv": "branch3x3_1",
    "tower_mixed_conv": "branch3x3_2a",
    "tower_mixed_conv_1": "branch3x3_2b",
    "tower_1_conv": "branch3x3dbl_1",
    "tower_1_conv_1": "branch3x3dbl_2",
    "tower_1_mixed_conv": "branch3x3dbl_3a",
    "tower_1_mixed_conv_1": "branch3x3dbl_3b",
    "tower_2_conv": "branch_pool",
}
_BLOCKS = {
    "5b": _SQUARE,
    "5c": _SQUARE,
    "5d": _SQUARE,
    "6a": _SHRINK35,
    "6b": _CROSS,
    "6c": _CROSS,
    "6d": _CROSS,
    "6e": _CROSS,
    "7a": _SHRINK17,
    "7b": _FORK,
    "7c": _FORK,
}


class Network(InceptionV3W):  # type: ignore[misc]
    """clean-fid's wrapper, which normalises, around clean-fid's network, which is pytorch-fid's.

    Maps resized images (N,3,299,299) in [0,255] to (N,2048). The wrapper's own constructor would read a TorchScript
    file, and the network's would fetch one: both get `weights`, the tensors of the asset. Raises KeyError when one is
    missing, RuntimeError when one has another shape.
    """

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        nn.Module.__init__(self)
        self.layers = nn.Sequential(*_inception(weights).blocks)
        self.resize_inside = False
        self.eval()


def _inception(weights: Mapping[str, Tensor]) -> Any:
    state, fetch = torchvision_state(weights), inception_pytorch.load_state_dict_from_url
    inception_pytorch.load_state_dict_from_url = lambda *_, **__: state
    try:
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.simplefilter("ignore")  # torchvision would rather have other arguments from it
            return inception_pytorch.InceptionV3(output_blocks=[3], resize_input=False, normalize_input=False)
    finally:
        inception_pytorch.load_state_dict_from_url = fetch


def torchvision_names() -> dict[str, str]:
    """Return torchvision's name of each convolution by the asset's."""
    names = dict(_STEM)
    for index, (block, branches) in enumerate(_BLOCKS.items()):
        ours = f"mixed_{index}" if index else "mixed"
        names |= {f"{ours}.{part}": f"Mixed_{block}.{branch}" for part, branch in branches.items()}
    return names


def torchvision_state(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the asset's tensors under torchvision's names; the classifier, which features do not use, is zero."""
    state = {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}
    for ours, theirs in torchvision_names().items():
        beta = weights[f"net.layers.{ours}.beta"]
        state[f"{theirs}.conv.weight"] = weights[f"net.layers.{ours}.weight"]
        state[f"{theirs}.bn.weight"] = torch.ones_like(beta)
        state[f"{theirs}.bn.bias"] = beta
        state[f"{theirs}.bn.running_mean"] = weights[f"net.layers.{ours}.mean"]
        state[f"{theirs}.bn.running_var"] = weights[f"net.layers.{ours}.var"]
        state[f"{theirs}.bn.num_batches_tracked"] = torch.tensor(0)
    return state


def rows(images: ImageSet, net: nn.Module, device: torch.device, progress: Progress) -> NDArray[np.float64]:
    """Return (N,2048) features by clean-fid's resize and feature function, in the order of the set."""
    resize, found, count = build_resizer("clean"), [], len(images.names)
    for first in range(0, count, _BATCH):
        numbers = range(first, min(first + _BATCH, count))
        arrays = [images.decode(images.content(i), i).permute(1, 2, 0).numpy() for i in numbers]
        with warnings.catch_warnings(), torch.backends.cudnn.flags(True, allow_tf32=False, deterministic=True):
            warnings.simplefilter("ignore")  # it names Pillow's mode, which Pillow would rather derive
            batch = np.stack([resize(array) for array in arrays]).transpose(0, 3, 1, 2)
            found.append(get_batch_features(torch.from_numpy(np.ascontiguousarray(batch)), net, device))
        progress("features by clean-fid", numbers[-1] + 1, count)
    return np.concatenate(found).astype(np.float64)


def distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return clean-fid's Frechet distance of two sets of rows, each (N,D).

    Its formula and its ridge where the root is not finite, but not its function: that one calls SciPy's square root
    with an argument which SciPy 1.18 has no more.
    """
    shift = a.mean(axis=0) - b.mean(axis=0)
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few images make a singular matrix, whose root loses digits
        root = sqrtm(first @ second)
        if not np.isfinite(root).all():
            ridge = _RIDGE * np.eye(len(first))
            root = sqrtm((first + ridge) @ (second + ridge))
    return float(shift @ shift + np.trace(first) + np.trace(second) - 2.0 * np.trace(root).real)
