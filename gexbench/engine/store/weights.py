"""Victim weights: safetensors, opened only after their hash matches, loaded strictly."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gexbench.errors import AssetMissing
from gexbench.file_kinds import what_is

if TYPE_CHECKING:
    from torch import Tensor, nn

_SHOWN = 3


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

    own = "put the victim's own file there, or train it again"
    kind = what_is(path)
    if kind is not None and kind.name != "safetensors":
        raise AssetMissing(
            f"{path} is not a safetensors file, but {kind.told}", "; ".join(filter(None, (kind.way_out, own)))
        )
    try:
        return safetensors.torch.load_file(path)
    except SafetensorError as error:
        raise AssetMissing(f"{path} is not a safetensors file ({error})", own) from None


def load_weights(net: nn.Module, path: Path, sha256: str, options: Mapping[str, object] | None = None) -> None:
    """Fill `net` with the weights at `path`; raises AssetMissing when they are missing, altered or of another net.

    options: of which the net was built, for the error.
    """
    try:
        found = file_sha256(path)
        if found != sha256:
            raise AssetMissing(
                f"{path} is not the file its card pins (sha256 {found[:12]}…, not {sha256[:12]}…)",
                "install gexbench again, or train the victim again",
            )
        state = read_weights(path)
        if misfit := _misfit(net, state):
            raise AssetMissing(f"{path} does not fit its network: {misfit}", _way_out(misfit, options or {}))
        net.load_state_dict(state, strict=True)
    except FileNotFoundError:
        raise AssetMissing(f"no victim weights at {path}", "train it: gexbench victim train NAME") from None
    except RuntimeError as error:
        raise AssetMissing(
            f"{path} does not fit its network: {str(error).splitlines()[-1].strip()}",
            "the card's [net] table and the file do not belong together",
        ) from None


def _misfit(net: nn.Module, state: Mapping[str, Tensor]) -> str:
    """Say which entries are missing, have no place, or have another shape; "" where all fit."""
    wanted = net.state_dict()
    lacking = [name for name in wanted if name not in state]
    needless = [name for name in state if name not in wanted]
    others = [
        f"{name} of the shape {list(state[name].shape)}, not {list(wanted[name].shape)}"
        for name in state
        if name in wanted and state[name].shape != wanted[name].shape
    ]
    told = (("it lacks", lacking), ("the network has no place for", needless), ("other shapes:", others))
    return "; ".join(f"{what} {_some(names)}" for what, names in told if names)


def _some(names: Sequence[str]) -> str:
    entries = "1 entry" if len(names) == 1 else f"{len(names)} entries"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{entries}: {', '.join(names[:_SHOWN])}{more}"


def _way_out(misfit: str, options: Mapping[str, object]) -> str:
    if any(word in misfit for word in ("running_mean", "running_var", "num_batches_tracked")) and "lacks" not in misfit:
        return (
            "running statistics (running_mean, running_var, num_batches_tracked) are of no use to a network that "
            "normalises each image alone: drop those entries"
        )
    built = ", ".join(f"{name} = {json.dumps(value, default=str)}" for name, value in options.items())
    return f"the card's [net] table and the file do not belong together{f'; it says {built}' if built else ''}"
