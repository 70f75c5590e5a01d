"""Choose among made images with a discriminator: calibration, Metropolis-Hastings chains, rejection sampling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from torch import Tensor

Probability = Callable[[Tensor], Tensor]
"""From logits (N,) to probabilities (N,) float64 that an image is real."""

KINDS = ("isotonic", "logistic", "none")
EDGE = 1e-6


@dataclass(frozen=True)
class Calibration:
    """What logits mean, and how far from it half of the images were that had no part in finding out.

    z: standardised difference of the count of real images from what was expected of them; near 0 for a calibrated
    discriminator, standard normal if it is one. Source: Turner et al. 2019 (arXiv 1811.11357), section 3.2.
    """

    probability: Probability
    z: float


def calibrate(real: Tensor, made: Tensor, kind: str, generator: torch.Generator) -> Calibration:
    """Learn the probability that an image is real from the logits of real (N,) and made (M,) images.

    kind: one of KINDS; "none" takes the logits as they are. The longer side is cut so that both are equally many; a
    random half fits, the other gives z. Raises ValueError on another kind and where a side has fewer than 4. Source:
    Turner et al. 2019, section 3.2 and appendix; isotonic as in Zadrozny and Elkan 2002.
    """
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r} must be one of {', '.join(KINDS)}")
    count = min(len(real), len(made))
    if count < 4:
        raise ValueError(f"{len(real)} real and {len(made)} made images are too few to calibrate with: 4 or more each")
    sides = (side[torch.randperm(len(side), generator=generator)[:count]].double() for side in (real, made))
    scores, labels = torch.cat(list(sides)), torch.arange(2 * count) < count
    order = torch.randperm(2 * count, generator=generator)
    fits, checks = order[:count], order[count:]
    probability = _fitted(scores[fits].numpy(), labels[fits].numpy(), kind)
    expected, found = probability(scores[checks]), labels[checks].double()
    spread = float((expected * (1.0 - expected)).sum().sqrt())
    return Calibration(probability, float((found - expected).sum()) / max(spread, EDGE))


def _fitted(scores: NDArray[np.float64], labels: NDArray[np.bool_], kind: str) -> Probability:
    if kind == "none" or labels.all() or not labels.any():
        return lambda logits: torch.sigmoid(logits.double())
    if kind == "isotonic":
        stairs = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(scores, labels)
        return lambda logits: torch.from_numpy(stairs.predict(logits.double().numpy()))
    line = LogisticRegression(C=1e6).fit(scores[:, None], labels)
    weight, bias = float(line.coef_[0, 0]), float(line.intercept_[0])
    return lambda logits: torch.sigmoid(weight * logits.double() + bias)


@dataclass(frozen=True)
class Chosen:
    """Which images were chosen, as indices in the order of the chains, and the share of proposals that were accepted.

    stuck: chains that never left the real image they began with and were begun again with a made one.
    """

    indices: Tensor
    acceptance: float
    stuck: int


def metropolis_hastings(made: Tensor, real: Tensor, length: int, generator: torch.Generator) -> Chosen:
    """Run one chain for every `length` made images, over these, and choose where each ends.

    made: probabilities (N,) that a made image is real, used in their order, what is left of them unused; real: those of
    held-back real images, of which one at random is each chain's first state, so that there is no burn-in. A move from
    x to x' is accepted with probability min(1, (1/D(x) - 1) / (1/D(x') - 1)). A chain that never moves is begun again
    with its first made image, so no real image is ever chosen. Raises ValueError where there are fewer than `length`
    made images or no real one. Source: Turner et al. 2019 (arXiv 1811.11357), equation 4 and algorithm 1.
    """
    chains = len(made) // length if length > 0 else 0
    if not chains or not len(real):
        raise ValueError(f"{len(made)} made and {len(real)} real images make no chain of length {length}")
    odds = _odds(made[: chains * length]).view(chains, length)
    start = _odds(real[torch.randint(len(real), (chains,), generator=generator)])
    draws = torch.rand(chains, length, generator=generator, dtype=torch.float64)
    ends, moves = _walk(odds, start, draws)
    stuck = ends < 0
    again, more = _walk(odds, odds[:, 0], draws)
    ends = torch.where(stuck, again.clamp(min=0), ends)
    accepted = float(torch.where(stuck, more, moves).sum()) / (chains * length)
    return Chosen(ends + length * torch.arange(chains), accepted, int(stuck.sum()))


def _walk(odds: Tensor, start: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
    """Return each chain's last state, -1 where it never moved, and how often it moved."""
    now, where, moves = start.clone(), torch.full((len(odds),), -1), torch.zeros(len(odds))
    for step in range(odds.shape[1]):
        move = draws[:, step] * now <= odds[:, step]
        now, where = torch.where(move, odds[:, step], now), torch.where(move, step, where)
        moves += move
    return where, moves


def reject(made: Tensor, pilot: int, generator: torch.Generator, quantile: float = 0.95) -> Tensor:
    """Choose made images by discriminator rejection sampling; returns indices (n,).

    made: probabilities (N,) that a made image is real; the first `pilot` find the bound M and are not chosen from. An
    image is accepted with probability sigmoid(F - shift), F = f - log(1 - exp(f - EDGE)), f its log odds less log M;
    the shift is the `quantile` of F over the pilot. Raises ValueError without a pilot or without images beside it.
    Source: Azadi, Olsson, Darrell, Goodfellow and Odena 2019 (arXiv 1810.06758), section 3 and algorithm 1.
    """
    if not 0 < pilot < len(made):
        raise ValueError(
            f"a pilot of {pilot} of {len(made)} images leaves none to find the bound or none to choose from"
        )
    logs = _odds(made).log()
    bound = logs[:pilot].max()
    height = _height(logs - bound)
    shift = height[:pilot].quantile(quantile)
    rest = torch.sigmoid(_height(logs[pilot:] - torch.maximum(bound, logs[pilot:].cummax(0).values)) - shift)
    return pilot + torch.nonzero(torch.rand(len(rest), generator=generator, dtype=torch.float64) < rest).flatten()


def _height(f: Tensor) -> Tensor:
    return f - torch.log1p(-torch.exp((f - EDGE).clamp(max=-EDGE)))


def _odds(probability: Tensor) -> Tensor:
    clipped = probability.double().clamp(EDGE, 1.0 - EDGE)
    return clipped / (1.0 - clipped)
