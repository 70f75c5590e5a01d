"""What a defense may return: what the meaning of its moments is held to, whichever process it lives in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from gexbench.engine.kinds.endpoint import OpenVictim

Fault = Callable[[object, Tensor], str]


@dataclass(frozen=True)
class Way:
    """How a question of one kind of task goes through a defense and a victim.

    moment: the method that acts on what is fed. fault: what is wrong with what it returned, given what it was given.
    fed: from what it returned to a question as it travels. answer: a victim's 8-bit images (N,3,H,W) for questions as
    they travel.
    """

    moment: str
    fault: Fault
    fed: Callable[[Tensor], Tensor]
    answer: Callable[[OpenVictim, Tensor], Tensor]


@dataclass(frozen=True)
class Tests:
    """The questions of the test by number: a digest each, and each as it travels, (1,...).

    scored: how many of them, the first, are asked whatever a client does; the others are when it asks as many.
    """

    digests: Sequence[bytes]
    question: Callable[[int], Tensor]
    scored: int


class Front(Protocol):
    """What lies between clients and the victim: nothing, or a defense."""

    def answer(self, x: Tensor, digests: Sequence[bytes], paid: int) -> Tensor:
        """Return what leaves for new questions of a client, of whom `paid` were answered before: (N,3,H,W) uint8.

        x: as they travel. digests: what makes each the same as another.
        """
        ...

    @property
    def delay(self) -> float | None:
        """Return the seconds that an answer waited for the defense, mean; None where none did."""
        ...

    def plain(self, x: Tensor) -> Tensor:
        """Return what the undefended victim answers, (N,3,H,W) uint8."""
        ...

    def honest(self, x: Tensor, digests: Sequence[bytes]) -> Tensor | None:
        """Return what leaves for questions of the test; None where nothing is defended. Arguments as in `answer`."""
        ...


def image_fault(got: object, like: Tensor) -> str:
    """Say what was returned in place of images like these, float in [0,1]; "" where they are."""
    wrong = _shape_fault(got, like)
    if wrong or not isinstance(got, Tensor):
        return wrong
    low, high = float(got.amin()), float(got.amax())
    return "" if low >= 0 and high <= 1 else f"values from {low:.8g} to {high:.8g}, outside [0,1]"


def latent_fault(got: object, like: Tensor) -> str:
    """Say what was returned in place of latents like these, which may have any finite values; "" where they are."""
    wrong = _shape_fault(got, like)
    if wrong or not isinstance(got, Tensor):
        return wrong
    return "" if bool(torch.isfinite(got).all()) else "latents that are not finite"


def _shape_fault(got: object, like: Tensor) -> str:
    if not isinstance(got, Tensor):
        return f"{type(got).__name__}, not a tensor"
    if got.shape != like.shape or not got.is_floating_point():
        return f"{got.dtype} {tuple(got.shape)}, not floats of {tuple(like.shape)}"
    return ""
