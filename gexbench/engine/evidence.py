"""Evidence: what victim and surrogate answer on the test splits; only images come back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from gexbench.core.dataset import Split
from gexbench.core.images import from_uint8, to_uint8
from gexbench.errors import RunFailed


@dataclass(frozen=True)
class TestEvidence:
    """One test split, all images (3,H,W) uint8: inputs, truth, victim's answers, defended ones, surrogate's.

    In tasks of style the truth is a set of its own, of another length.
    """

    names: tuple[str, ...]
    inputs: tuple[Tensor, ...]
    truth: tuple[Tensor, ...]
    victim: tuple[Tensor, ...]
    guarded: tuple[Tensor, ...] | None
    surrogate: tuple[Tensor, ...] | None


Answer = Callable[[Tensor], Mapping[str, Tensor]]
Infer = Callable[[Tensor], Tensor]
Tick = Callable[[str, int, int], None]


def collect(split: Split, answer: Answer, infer: Infer | None, tick: Tick) -> TestEvidence:
    """Ask victim and surrogate about every test input, one at a time.

    infer None stands for the victim control. Raises RunFailed when a surrogate's output is not an image of the
    right size in [0,1].
    """
    inputs = tuple(to_uint8(x) for x in split.inputs)
    truth = tuple(to_uint8(t) for t in split.truth)
    victim, guarded, surrogate = [], [], []
    for done, x in enumerate(inputs):
        answers = answer(x[None])
        victim.append(answers["plain"][0])
        if "guarded" in answers:
            guarded.append(answers["guarded"][0])
        if infer is not None:
            surrogate.append(to_uint8(valid(infer(x[None]), tuple(victim[-1].shape))))
        tick("collecting evidence", done + 1, len(inputs))
    return TestEvidence(
        names=tuple(split.names),
        inputs=inputs,
        truth=truth,
        victim=tuple(victim),
        guarded=tuple(guarded) or None,
        surrogate=tuple(surrogate) if infer is not None else None,
    )


def valid(y: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return a surrogate's output (1,3,H,W) as (3,H,W); raises RunFailed when it is not such an image in [0,1]."""
    if tuple(y.shape) != (1, *shape):
        raise RunFailed(f"the surrogate returned shape {tuple(y.shape)}, not {(1, *shape)}")
    if not bool(torch.isfinite(y).all()):
        raise RunFailed("the surrogate returned NaN or infinite values")
    low, high = float(y.amin()), float(y.amax())
    if low < 0 or high > 1:
        raise RunFailed(f"the surrogate returned values from {low:.3g} to {high:.3g}, outside [0,1]")
    return y[0]


def floats(images: tuple[Tensor, ...]) -> list[Tensor]:
    """Return 8-bit images as float32 in [0,1]."""
    return [from_uint8(image) for image in images]
