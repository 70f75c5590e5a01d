"""Evidence: what victim and surrogate answer on the test splits; only images come back."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gexbench.errors import RunFailed


@dataclass(frozen=True)
class TestEvidence:
    """One test split, all images (3,H,W) uint8: inputs, truth, victim's answers, defended ones, surrogate's.

    In tasks of style and of sampling the truth is a set of its own, of another length. In those of sampling there are
    no inputs, and victim's and surrogate's images have no relation to each other; queried and unqueried are what the
    service answered in the run, as it left, and as many images that it draws for no client. None where nobody asked for
    them.
    """

    names: tuple[str, ...]
    inputs: tuple[Tensor, ...]
    truth: tuple[Tensor, ...]
    victim: tuple[Tensor, ...]
    guarded: tuple[Tensor, ...] | None
    surrogate: tuple[Tensor, ...] | None
    queried: tuple[Tensor, ...] | None = None
    unqueried: tuple[Tensor, ...] | None = None


@dataclass(frozen=True)
class Exhibits:
    """What ownership is judged on, all images uint8.

    inputs: what models are asked, (3,h,w), none where services draw. asked: how many of them clients had asked.
    suspect, plain, marked: what suspect, undefended victim and defense make of that, (3,H,W), as many; where services
    draw, so many images that each of them drew. unmarked: plain answers that are judged as a model's, others than
    `plain` where services draw.
    """

    inputs: tuple[Tensor, ...]
    suspect: tuple[Tensor, ...]
    plain: tuple[Tensor, ...]
    marked: tuple[Tensor, ...]
    unmarked: tuple[Tensor, ...]
    asked: int = 0


def valid(y: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return a surrogate's output; raises RunFailed when it is not of that shape with values in [0,1]."""
    if tuple(y.shape) != shape:
        raise RunFailed(f"the surrogate returned shape {tuple(y.shape)}, not {shape}")
    if not bool(torch.isfinite(y).all()):
        raise RunFailed("the surrogate returned NaN or infinite values")
    low, high = float(y.amin()), float(y.amax())
    if low < 0 or high > 1:
        raise RunFailed(f"the surrogate returned values from {low:.3g} to {high:.3g}, outside [0,1]")
    return y
