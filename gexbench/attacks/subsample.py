"""Copy a service that draws images from the best of its images, as a leaked discriminator judges them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gexbench.core.attack import Brief
from gexbench.core.images import from_uint8, to_uint8
from gexbench.core.oracle import Oracle
from gexbench.errors import PlanError
from gexbench.training.loop import TrainingContext, autocast, step_generator
from gexbench.training.selection import Calibration, calibrate, metropolis_hastings, reject
from gexbench.training.sngan import fit_sngan
from gexbench.training.transfer_set import sampled

AT_ONCE = 256
FEWEST = 8
"""Real images: half of them calibrate the discriminator, which takes four, and the others are set aside."""


class MHSubsample:
    """Query images, keep where Metropolis-Hastings chains over them end, and fit an SNGAN to these.

    Every image of a chain was queried. The real images the attacker owns calibrate the discriminator, a half of them,
    and begin the chains, the other. `report`: what was kept, the share of moves accepted, chains stuck, and z of the
    calibration. Source: Hu and Pang 2021 (ACSAC), accuracy extraction; Turner, Hung, Frank, Saatchi and Yosinski 2019,
    "Metropolis-Hastings Generative Adversarial Networks" (arXiv 1811.11357).
    """

    def __init__(self) -> None:
        self.report: dict[str, float | int] = {}

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Query `oracle.budget` images; options: chain, its length, calibration (see calibrate), those of fit_sngan.

        Raises PlanError, before anything is queried, where the budget makes no chain.
        """
        options = dict(brief.options)
        length, kind = options.pop("chain"), options.pop("calibration")
        if oracle.budget < length:
            raise PlanError(f"a budget of {oracle.budget} makes no chain of {length} images", "set chain lower")
        draws = step_generator(brief.seed, "chains", 0)
        rated = _Rated(oracle, brief, kind, draws)
        chosen = metropolis_hastings(rated.made, rated.held, length, draws)
        self.report = {
            "kept": len(chosen.indices),
            "acceptance": chosen.acceptance,
            "stuck": chosen.stuck,
            "z": rated.calibration.z,
        }
        return fit_sngan([rated.images[i] for i in chosen.indices], options, TrainingContext.of(brief)).generator


class DiscriminatorRejection:
    """Query images, reject the less likely ones, and fit an SNGAN to the others.

    `report`: what was kept, and z of the calibration. Source: Azadi, Olsson, Darrell, Goodfellow and Odena 2019,
    "Discriminator Rejection Sampling" (arXiv 1810.06758); on extraction a baseline of this benchmark.
    """

    def __init__(self) -> None:
        self.report: dict[str, float | int] = {}

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Query `oracle.budget` images; options: pilot, the share that finds the bound; else those of MHSubsample.

        Raises RunFailed, through the attack, where nothing is kept.
        """
        options = dict(brief.options)
        pilot, kind = options.pop("pilot"), options.pop("calibration")
        draws = step_generator(brief.seed, "rejection", 0)
        rated = _Rated(oracle, brief, kind, draws)
        chosen = reject(rated.made, max(1, int(pilot * len(rated.made))), draws)
        self.report = {"kept": len(chosen), "z": rated.calibration.z}
        if not len(chosen):
            raise ValueError(f"all of {len(rated.made)} queried images were rejected; query more")
        return fit_sngan([rated.images[i] for i in chosen], options, TrainingContext.of(brief)).generator


class _Rated:
    """Queried images (3,side,side) uint8, and the calibrated probabilities that they and held real images are real."""

    def __init__(self, oracle: Oracle, brief: Brief, kind: str, draws: torch.Generator) -> None:
        if brief.discriminator is None or brief.real is None:
            raise PlanError("no discriminator leaked, or no real images", "grant discriminator and partial-real")
        if len(brief.real) < FEWEST:
            raise PlanError(
                f"{len(brief.real)} real images are too few to calibrate with, {FEWEST} or more are needed",
                "name a data set whose owner has more images in the task's profile",
            )
        judge, context = brief.discriminator.to(brief.device), TrainingContext.of(brief)
        real = [to_uint8(image) for image in brief.real]
        self.images, _ = sampled(oracle)
        truth, lies = _logits(judge, real, context), _logits(judge, self.images, context)
        half = len(real) // 2
        self.calibration: Calibration = calibrate(truth[:half], lies, kind, draws)
        self.made, self.held = (self.calibration.probability(logits) for logits in (lies, truth[half:]))


def _logits(judge: nn.Module, images: Sequence[Tensor], context: TrainingContext) -> Tensor:
    parts = []
    for start in range(0, len(images), AT_ONCE):
        batch = from_uint8(torch.stack(list(images[start : start + AT_ONCE]))).to(context.device)
        with torch.inference_mode(), autocast(context):
            parts.append(judge(batch).float().cpu().flatten())
    return torch.cat(parts)
