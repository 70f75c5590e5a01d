"""Copy a service that draws images from the best of its images, as a leaked discriminator judges them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gexbench.core.attack import Brief
from gexbench.core.images import from_uint8, to_uint8
from gexbench.core.oracle import Oracle
from gexbench.errors import PlanError
from gexbench.training.bought import bought
from gexbench.training.loop import Place, autocast, step_generator
from gexbench.training.selection import Calibration, calibrate, metropolis_hastings, reject
from gexbench.training.sngan import fit_sngan

AT_ONCE = 256
FEWEST = 8
"""Real images: half of them calibrate the discriminator, which takes four, and the others are set aside."""


class MHSubsample:
    """Buy images, keep where Metropolis-Hastings chains over them end, and fit an SNGAN to these.

    Every image of a chain was bought. The real images the attacker owns calibrate the discriminator, a half of them,
    and begin the chains, the other. `report`: what was kept, the share of moves accepted, chains stuck, and z of the
    calibration. Source: Hu and Pang 2021 (ACSAC), accuracy extraction; Turner, Hung, Frank, Saatchi and Yosinski 2019,
    "Metropolis-Hastings Generative Adversarial Networks" (arXiv 1811.11357).
    """

    def __init__(self) -> None:
        self.report: dict[str, float | int] = {}

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Buy `oracle.budget` images; options: chain, its length, calibration (see calibrate), those of fit_sngan.

        Raises PlanError, before anything is bought, where the budget makes no chain.
        """
        options = dict(brief.options)
        length, kind = options.pop("chain"), options.pop("calibration")
        if oracle.budget < length:
            raise PlanError(f"a budget of {oracle.budget} makes no chain of {length} images", "set chain lower")
        draws = step_generator(brief.seed, "chains", 0)
        bid = _Bid(oracle, brief, kind, draws)
        chosen = metropolis_hastings(bid.made, bid.held, length, draws)
        self.report = {
            "kept": len(chosen.indices),
            "acceptance": chosen.acceptance,
            "stuck": chosen.stuck,
            "z": bid.calibration.z,
        }
        return fit_sngan([bid.images[i] for i in chosen.indices], options, Place.of(brief)).generator


class DiscriminatorRejection:
    """Buy images, reject the less likely ones, and fit an SNGAN to the others.

    `report`: what was kept, and z of the calibration. Source: Azadi, Olsson, Darrell, Goodfellow and Odena 2019,
    "Discriminator Rejection Sampling" (arXiv 1810.06758); on extraction a baseline of this benchmark.
    """

    def __init__(self) -> None:
        self.report: dict[str, float | int] = {}

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Buy `oracle.budget` images; options: pilot, the share that finds the bound; else those of MHSubsample.

        Raises RunFailed, through the attack, where nothing is kept.
        """
        options = dict(brief.options)
        pilot, kind = options.pop("pilot"), options.pop("calibration")
        draws = step_generator(brief.seed, "rejection", 0)
        bid = _Bid(oracle, brief, kind, draws)
        chosen = reject(bid.made, max(1, int(pilot * len(bid.made))), draws)
        self.report = {"kept": len(chosen), "z": bid.calibration.z}
        if not len(chosen):
            raise ValueError(f"all of {len(bid.made)} bought images were rejected; buy more")
        return fit_sngan([bid.images[i] for i in chosen], options, Place.of(brief)).generator


class _Bid:
    """Bought images (3,side,side) uint8, and the calibrated probabilities that they, and held real images, are real."""

    def __init__(self, oracle: Oracle, brief: Brief, kind: str, draws: torch.Generator) -> None:
        if brief.discriminator is None or brief.real is None:
            raise PlanError("no discriminator leaked, or no real images", "grant discriminator and partial-real")
        if len(brief.real) < FEWEST:
            raise PlanError(
                f"{len(brief.real)} real images are too few to calibrate with, {FEWEST} or more are needed",
                "name a data set whose owner has more images in the task's profile",
            )
        judge, place = brief.discriminator.to(brief.device), Place.of(brief)
        real = [to_uint8(image) for image in brief.real]
        self.images, _ = bought(oracle)
        truth, lies = _logits(judge, real, place), _logits(judge, self.images, place)
        half = len(real) // 2
        self.calibration: Calibration = calibrate(truth[:half], lies, kind, draws)
        self.made, self.held = (self.calibration.probability(logits) for logits in (lies, truth[half:]))


def _logits(judge: nn.Module, images: Sequence[Tensor], place: Place) -> Tensor:
    parts = []
    for start in range(0, len(images), AT_ONCE):
        batch = from_uint8(torch.stack(list(images[start : start + AT_ONCE]))).to(place.device)
        with torch.inference_mode(), autocast(place):
            parts.append(judge(batch).float().cpu().flatten())
    return torch.cat(parts)
