"""Tiny pipelines of diffusers with random weights, saved as their users save them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch


def diffusers() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("diffusers")


def drawing(folder: Path, side: int = 32, seed: int = 0) -> Path:
    """Save a pipeline that draws images of `side` pixels, in as few steps as it is asked for."""
    library = diffusers()
    torch.manual_seed(seed)
    net = library.UNet2DModel(
        sample_size=side,
        block_out_channels=(8, 8),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
    )
    return _saved(library.DDPMPipeline(net, library.DDPMScheduler(num_train_timesteps=10)), folder)


def enlarging(folder: Path) -> Path:
    """Save a pipeline that enlarges images by 4."""
    library = diffusers()
    torch.manual_seed(0)
    parts = {"block_out_channels": (8, 8), "layers_per_block": 1, "norm_num_groups": 4}
    net = library.UNet2DModel(
        sample_size=32,
        in_channels=6,
        out_channels=3,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
        **parts,
    )
    code = library.VQModel(
        block_out_channels=(8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        norm_num_groups=4,
        latent_channels=3,
        num_vq_embeddings=16,
        sample_size=128,
    )
    return _saved(library.LDMSuperResolutionPipeline(code, net, library.DDIMScheduler()), folder)


def _saved(pipe: Any, folder: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipe.save_pretrained(str(folder), safe_serialization=True)
    return folder
