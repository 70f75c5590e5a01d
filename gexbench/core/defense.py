"""What a defense may do: before deployment, while answering, and after the theft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gexbench.core.attack import Progress

MOMENTS = ("prepare", "harden", "guard_input", "guard_latent", "guard_output", "claim")
"""The methods of a Defense, in the order they are called."""


@dataclass(frozen=True)
class History:
    """What the service knows as it answers: how many questions it has answered before, and a generator of chance.

    It tells its clients not apart, honest users and attackers alike. The generator depends on the run's key, its seed
    and the question alone: the same question gets the same answer after a restart, and no client can draw it again.
    """

    answered: int
    generator: torch.Generator


@dataclass(frozen=True)
class Place:
    """Where a defense is prepared, offline, before any service is open.

    style: the owner's style images (3,H,W) float32 in [0,1], none in tasks without. scale: output side over input side.
    assets: paths of the weight files that the card names, by name. precision: "fp32" or "bf16" (autocast). workdir: for
    checkpoints; it survives a kill.
    """

    style: Sequence[Tensor]
    scale: int
    assets: Mapping[str, Path]
    device: torch.device
    precision: str
    seed: int
    workdir: Path
    progress: Progress


@dataclass(frozen=True)
class Trial:
    """What a suspect was asked, and what the undefended victim answers to the same.

    questions: images (3,h,w) float32 in [0,1], none where services draw. plain: the victim's answers (3,H,W), one for
    each question; where services draw, as many images as the suspect drew, from latents of their own.
    """

    questions: Sequence[Tensor]
    plain: Sequence[Tensor]


@dataclass(frozen=True)
class Claim:
    """What a defense concludes from one model's outputs.

    score: higher, surer that the model learned from marked answers. p: how likely a model that did not would score as
    high, where the test has an exact null distribution; None where innocents must tell. figures: more numbers by name.
    """

    score: float
    p: float | None = None
    figures: Mapping[str, float] = field(default_factory=dict)


class Defense:
    """What is done to a victim, to what it is fed and to what leaves; each moment is a no-op unless overridden.

    key: 32 bytes that the bench draws for the run; their hash is kept before the attack starts. prepared: what
    `prepare` returned. Both are set before any other moment is called, and empty while `prepare` runs.
    """

    key: bytes = b""
    prepared: Mapping[str, Tensor] = {}

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = options

    def prepare(self, victim: nn.Module, owner: Sequence[Tensor], place: Place) -> Mapping[str, Tensor]:
        """Return the tensors that the other moments work with; called once for a victim, a defense and its options.

        victim: in evaluation mode, on `place.device`; it may be changed, for it is a copy. owner: the owner's images
        (3,H,W) float32 in [0,1]. Goes on from checkpoints in `place.workdir`.
        """
        return {}

    def harden(self, victim: nn.Module, owner: Sequence[Tensor]) -> nn.Module:
        """Return the victim to deploy."""
        return victim

    def guard_input(self, x: Tensor, history: History) -> Tensor:
        """Return the image that is really fed to a victim that takes images; x: (1,3,h,w) float32 in [0,1]."""
        return x

    def guard_latent(self, z: Tensor, history: History) -> Tensor:
        """Return the latent that is really fed to a victim that draws; z: (1,d) float32, standard normal."""
        return z

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        """Return what leaves; y: (1,3,H,W) float32 in [0,1].

        x: what the victim was asked, an image (1,3,h,w) float32 in [0,1], or where it draws the latent (1,d).
        """
        return y

    def questions(self, asked: Sequence[Tensor], common: Sequence[Tensor]) -> Sequence[Tensor]:
        """Return what suspects are asked, of services that take images; all of `common` unless overridden.

        asked: what clients asked this service, in order. common: images of the owner's that every suspect is asked.
        Both (3,h,w) float32 in [0,1].
        """
        return common

    def claim(self, outputs: Sequence[Tensor], trial: Trial) -> Claim:
        """Say how sure it is that a model learned from marked answers; it is not told which model it is.

        outputs: the model's answers (3,H,W) float32 in [0,1] to `trial.questions`; where services draw, what it drew.
        Called for the suspect, for innocent models, for the marked answers themselves and for the plain ones.
        """
        raise NotImplementedError
