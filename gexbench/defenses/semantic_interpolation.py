"""Input perturbation: images are drawn a walk away along one attribute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from gexbench.core.defense import Defense, History, Place
from gexbench.core.images import luma_bt601
from gexbench.errors import RunFailed
from gexbench.training.loop import step_generator

AT_ONCE = 64


class SemanticInterpolation(Defense):
    """Draw every image from its latent moved along the direction in which images get brighter, either way.

    Option `far`: the longest walk, in standard deviations of a latent's numbers; how long a walk is and which way is
    chance that belongs to the question. The latent's length is kept, or images would leave what the victim learned.
    The direction is found beforehand in the victim's own images, by least squares of their mean luma on their latents:
    512 draws, or eight for each number of a latent. Source: input perturbation, Hu and Pang 2021 (doi
    10.1145/3485832.3485838), section 8, of which only a summary was at hand; attribute, fit and lengths are ours.
    """

    def prepare(self, victim: nn.Module, owner: Sequence[Tensor], place: Place) -> Mapping[str, Tensor]:
        """Return the direction (d,), of length 1, and the share of the variance of luma that it explains.

        Raises RunFailed where all images are as bright.
        """
        size = int(victim.latent_size)  # type: ignore[arg-type]
        count = max(512, 8 * size)
        z = torch.randn(count, size, generator=step_generator(place.seed, "semantic-interpolation", 0))
        luma = []
        with torch.no_grad():
            for part in z.split(AT_ONCE):
                luma.append(luma_bt601(victim(part.to(place.device)).float().cpu()).mean(dim=(1, 2, 3)))
                place.progress("looking for brightness", len(luma) * AT_ONCE, count)
        return _direction(z.double(), torch.cat(luma).double())

    def guard_latent(self, z: Tensor, history: History) -> Tensor:
        """Return the latent moved; shapes as in Defense.guard_latent."""
        way = 2.0 * torch.rand((), generator=history.generator).to(z) - 1.0
        moved = z + float(self.options["far"]) * way * self.prepared["direction"].to(z)
        fed: Tensor = moved * (z.norm() / moved.norm().clamp_min(1e-12))
        return fed


def _direction(z: Tensor, luma: Tensor) -> dict[str, Tensor]:
    """Return the unit vector of the least-squares slope of luma (n,) on latents (n,d), and how much it explains."""
    z, luma = z - z.mean(dim=0), luma - luma.mean()
    if luma.std() < 1e-6:
        raise RunFailed(
            "the victim draws images that are all as bright, so there is no direction to walk along",
            "take another defense",
        )
    slope = torch.linalg.lstsq(z, luma[:, None], driver="gelsd").solution[:, 0]
    explained = 1.0 - (luma - z @ slope).square().sum() / luma.square().sum()
    return {"direction": (slope / slope.norm()).float(), "explained": explained.float()}
