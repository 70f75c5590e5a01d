"""Victim weights: safetensors, opened only after their hash matches, loaded strictly."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gexbench.errors import AssetMissing

if TYPE_CHECKING:
    from torch import Tensor, nn


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def salted(path: Path, use: str) -> bytes:
    """Return 32 bytes that only who can read the file can tell, others for each use."""
    return hashlib.blake2b(path.read_bytes(), digest_size=32, person=use.encode()).digest()


def read_weights(path: Path) -> Mapping[str, Tensor]:
    """Return the tensors of a safetensors file by name; raises AssetMissing where it is none."""
    import safetensors.torch
    from safetensors import SafetensorError

    try:
        return safetensors.torch.load_file(path)
    except SafetensorError as error:
        raise AssetMissing(
            f"{path} is not a safetensors file ({error})", "put the victim's own file there, or train it again"
        ) from None


def load_weights(net: nn.Module, path: Path, sha256: str) -> None:
    """Fill `net` with the weights at `path`; raises AssetMissing when they are missing, altered or of another net."""
    try:
        found = file_sha256(path)
        if found != sha256:
            raise AssetMissing(
                f"{path} is not the file its card pins (sha256 {found[:12]}…, not {sha256[:12]}…)",
                "install gexbench again, or train the victim again",
            )
        net.load_state_dict(read_weights(path), strict=True)
    except FileNotFoundError:
        raise AssetMissing(f"no victim weights at {path}", "train it: gexbench victim train NAME") from None
    except RuntimeError as error:
        raise AssetMissing(
            f"{path} does not fit its network: {str(error).splitlines()[-1].strip()}",
            "the card's [net] table and the file do not belong together",
        ) from None
