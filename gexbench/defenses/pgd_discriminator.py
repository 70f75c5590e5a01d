"""Output perturbation: adversarial noise against a discriminator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.core.defense import Defense, History, Place
from gexbench.core.images import crop_to_multiple, downscale_8bit, to_uint8
from gexbench.errors import RunFailed
from gexbench.nets.packed import packed, unpacked
from gexbench.training.ascent import ascended
from gexbench.training.judge import fit_judge
from gexbench.training.loop import TrainingContext

MOST, SMALLEST = 256, 24


class PgdDiscriminator(Defense):
    """Move every answer so that a discriminator turns from its verdict on it, by projected gradient ascent.

    Options: `eps`, the bound on every number's change on [-1,1], 0.25 in the publication; `steps` of the ascent, each
    2.5 eps / steps long, from a random point within the bound; and `judge_steps`. The mean logit falls where the answer
    was taken to be real, and rises where it was taken to be made: an attack without a target, as CleverHans makes them
    unless told otherwise. The discriminator is the victim's own where it holds one, as the shipped victims that draw
    do. The others keep none, so there it is a PatchGAN trained afterwards against the victim's answers for
    `judge_steps` steps, and *not* the one that the victim was trained with: the owner's style images are real to it, or
    where there are none the owner's images, whose shrunken copies the victim then answers. The publication states eps,
    CleverHans and that the noise is made with the discriminator, no more: steps, their length and training are ours.
    Source: Szyller et al. 2023 (arXiv 2104.12623), section 7.2; Madry et al. 2018 (arXiv 1706.06083).
    """

    _judge: nn.Module | None = None

    def prepare(self, victim: nn.Module, owner: Sequence[Tensor], place: Place) -> Mapping[str, Tensor]:
        """Return the discriminator as tensors; raises RunFailed where none is to be had."""
        own = getattr(victim, "discriminator", None)
        if isinstance(own, nn.Module):
            try:
                return packed(own)
            except ValueError as error:
                raise RunFailed(str(error), "take another victim, or another defense") from None
        real, made = _examples(victim, owner, place)
        return packed(fit_judge(real, made, int(self.options["judge_steps"]), TrainingContext.of(place)))

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        """Return y moved; shapes and range as in Defense.guard_output."""
        if self._judge is None:
            self._judge = unpacked(self.prepared)
        judge = self._judge.to(y.device)
        radius, steps = 127.5 * float(self.options["eps"]), int(self.options["steps"])
        with torch.no_grad():
            way = -1.0 if float(judge(_large(y)).mean()) >= 0 else 1.0
        return ascended(y, lambda image: way * judge(_large(image)).mean(), radius, steps, history.generator)


def _examples(victim: nn.Module, owner: Sequence[Tensor], place: Place) -> tuple[list[Tensor], list[Tensor]]:
    """Return real images and the victim's answers, (3,H,W) uint8."""
    if hasattr(victim, "latent_size") or (not place.style and place.scale == 1):
        raise RunFailed(
            "the victim holds no discriminator, and there is nothing to train one on: no style images, and no images "
            "whose shrunken copies it enlarges",
            "take another victim, or another defense",
        )
    images = [crop_to_multiple(owner[index], place.scale) for index in range(min(MOST, len(owner)))]
    questions = images if place.style else [downscale_8bit(image, place.scale) for image in images]
    made = []
    for question in questions:
        with torch.no_grad():
            made.append(to_uint8(victim(question[None].to(place.device))[0].float().cpu().clamp(0.0, 1.0)))
        place.progress("asking the victim", len(made), len(questions))
    real = [to_uint8(image) for image in (place.style or images)]
    if (side := min(length for image in (*real, *made) for length in image.shape[-2:])) < SMALLEST:
        raise RunFailed(f"the discriminator judges sides of {SMALLEST} pixels or more; an image has {side}")
    return real, made


def _large(image: Tensor) -> Tensor:
    """Return an image, its last rows and columns repeated where it is smaller than what is judged."""
    below, beside = (max(0, SMALLEST - length) for length in image.shape[-2:])
    return F.pad(image, (0, beside, 0, below), mode="replicate")
