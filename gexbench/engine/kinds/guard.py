"""A defense held to its contract, so that one that breaks it ends the run with a reason."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gexbench.core.defense import Defense, History
from gexbench.core.images import from_uint8, to_uint8
from gexbench.errors import RunFailed

Fault = Callable[[object, Tensor], str]


class Guard(Defense):
    """A defense under its card's name; raises RunFailed where it raises, or returns something else than it should."""

    def __init__(self, name: str, defense: Defense) -> None:
        super().__init__({})
        self._name, self._defense = name, defense

    def harden(self, victim: nn.Module, owner: Sequence[Tensor]) -> nn.Module:
        """Return the victim to deploy."""
        return self._defense.harden(victim, owner)

    def guard_input(self, x: Tensor, history: History) -> Tensor:
        """Return the image that is fed to the victim; shapes and range as in Defense.guard_input."""
        return self._held("guard_input", lambda: self._defense.guard_input(x, history), x, image_fault)

    def guard_latent(self, z: Tensor, history: History) -> Tensor:
        """Return the latent that is fed to the victim; shapes as in Defense.guard_latent."""
        return self._held("guard_latent", lambda: self._defense.guard_latent(z, history), z, latent_fault)

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        """Return what leaves; shapes and range as in Defense.guard_output."""
        return self._held("guard_output", lambda: self._defense.guard_output(x, y, history), y, image_fault)

    def _held(self, moment: str, call: Callable[[], Tensor], like: Tensor, fault: Fault) -> Tensor:
        try:
            got = call()
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise RunFailed(f"{moment} of the defense {self._name!r} raised {reason}") from error
        wrong = fault(got, like)
        if wrong:
            raise RunFailed(f"{moment} of the defense {self._name!r} returned {wrong}")
        return got


@dataclass(frozen=True)
class Asked:
    """What a batch was asked with: a digest a question, how many the client had paid for before, the run's seed."""

    digests: Sequence[bytes]
    answered: int
    seed: int

    def histories(self) -> list[History]:
        """Return each question's history."""
        return [History(self.answered + i, self._generator(digest)) for i, digest in enumerate(self.digests)]

    def _generator(self, digest: bytes) -> torch.Generator:
        mixed = hashlib.sha256(self.seed.to_bytes(8, "little") + digest).digest()
        return torch.Generator().manual_seed(int.from_bytes(mixed[:7], "little"))


@dataclass(frozen=True)
class Moments:
    """Where a defense acts: on what is fed to the victim (`guard_input` or `guard_latent`), and on what leaves."""

    feed: Callable[[Tensor, History], Tensor]
    leave: Callable[[Tensor, Tensor, History], Tensor]


def guarded(moments: Moments, asked: Asked, x: Tensor, answer: Callable[[Tensor], Tensor]) -> Tensor:
    """Return what leaves a service, (N,3,H,W) uint8, each answer guarded on its own.

    x: what the victim is to be fed, images (N,3,h,w) float32 in [0,1] or latents (N,d). answer: from what is fed to
    8-bit images.
    """
    histories, questions = asked.histories(), x.split(1)
    fed = torch.cat([moments.feed(q, h) for q, h in zip(questions, histories, strict=True)])
    answers = from_uint8(answer(fed)).split(1)
    left = [moments.leave(q, a, h) for q, a, h in zip(questions, answers, histories, strict=True)]
    return to_uint8(torch.cat(left).clamp(0, 1))


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
