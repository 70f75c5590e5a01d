"""The FID Inception network as other libraries build it, given our weights: nothing is downloaded by them.

Each function returns what that library's own feature function wants. The tensors of `fid-inception` are renamed for
torchvision's layout; clean-fid gets the TorchScript file that the asset is made from, after its hash is checked.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import AssetCard
from gexbench.engine.store.assets import AssetStore, silent
from gexbench.engine.store.download import Wanted, receive


def weights() -> dict[str, Tensor]:
    """Return the asset's tensors; raises AssetMissing with the command that fetches them."""
    loaded: dict[str, Tensor] = load_file(AssetStore().path(Catalog.load().get(AssetCard, "fid-inception")))
    return loaded


class CleanFidNet(nn.Module):
    """clean-fid's network wrapper around the TorchScript file, as its InceptionV3W calls it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        card = Catalog.load().get(AssetCard, "fid-inception")
        file = receive(card.sources[0], Wanted(card.sha256, card.size), folder, silent)
        self.layers = torch.jit.load(file).eval().net.layers

    def forward(self, x: Tensor) -> Tensor:
        """Return (N,2048) for resized images in [0,255]."""
        features: Tensor = self.layers((x - 128) / 128).view(len(x), 2048)
        return features


def clean_fid(files: Sequence[str], device: torch.device, net: nn.Module, workers: int) -> Tensor:
    """Return features by clean-fid's own loop, batches of 32 as its compute_fid takes by default.

    It takes 12 workers by default, which is no faster on few cores.
    """
    from cleanfid import fid

    options: dict[str, Any] = {"num_workers": workers, "batch_size": 32, "device": device, "mode": "clean"}
    return torch.from_numpy(fid.get_files_features(list(files), model=net, verbose=False, **options))


def pytorch_fid_net(state: Mapping[str, Tensor], device: torch.device) -> nn.Module:
    """Return pytorch-fid's network."""
    from pytorch_fid import inception

    inception.load_state_dict_from_url = lambda *_, **__: state
    net: nn.Module = inception.InceptionV3([3]).to(device).eval()
    return net


def pytorch_fid(files: Sequence[str], device: torch.device, net: nn.Module) -> Tensor:
    """Return features by pytorch-fid's own loop: batches of 50, as many workers as it takes by default."""
    import os

    from pytorch_fid import fid_score

    workers = min(len(os.sched_getaffinity(0)), 8)
    return torch.from_numpy(fid_score.get_activations(list(files), net, 50, 2048, device, workers)).float()


def torch_fidelity_net(state: Mapping[str, Tensor], device: torch.device) -> nn.Module:
    """Return torch-fidelity's network; it reads weights from a file, which is ours and gone afterwards."""
    from torch_fidelity.utils import create_feature_extractor

    with tempfile.NamedTemporaryFile(suffix=".pth") as file:
        torch.save(dict(state), file.name)
        net: nn.Module = create_feature_extractor(
            "inception-v3-compat",
            ["2048"],
            cuda=device.type == "cuda",
            feature_extractor_weights_path=file.name,
            verbose=False,
        )
    return net


def torch_fidelity(files: Sequence[str], device: torch.device, net: nn.Module) -> Tensor:
    """Return features by torch-fidelity's own loop, batches of 64 as it takes by default."""
    from torch_fidelity import datasets, utils

    data = datasets.ImagesPathDataset(list(files))
    found = utils.get_featuresdict_from_dataset(data, net, 64, device.type == "cuda", False, False)
    rows: Tensor = found["2048"]
    return rows


def module(name: str) -> ModuleType | None:
    """Return an importable module, or None."""
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError:
        return None
