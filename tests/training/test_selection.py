"""Choosing among made images: calibrated probabilities, chains that end in the right distribution."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from gexbench.training.selection import calibrate, metropolis_hastings, reject


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def overconfident(count: int = 4000) -> tuple[Tensor, Tensor]:
    """Return logits of real and made images, three times as large as they should be."""
    draws = seeded()
    return 3.0 * (1.0 + torch.randn(count, generator=draws)), 3.0 * torch.randn(count, generator=draws)


def truth(logits: Tensor) -> Tensor:
    """Return the probability that an image with such logits is real: two normals of spread one, one apart."""
    return torch.sigmoid(logits.double() / 3.0 - 0.5)


@pytest.mark.parametrize("kind", ["isotonic", "logistic"])
def test_calibration_finds_the_true_probabilities(kind: str) -> None:
    calibration = calibrate(*overconfident(), kind, seeded())
    logits = torch.linspace(-3.0, 6.0, 50)
    assert (calibration.probability(logits) - truth(logits)).abs().max() < 0.1
    assert abs(calibration.z) < 3.0


def test_an_overconfident_discriminator_is_found_out_by_z() -> None:
    assert abs(calibrate(*overconfident(), "none", seeded()).z) > 5.0


def test_too_few_images_to_calibrate_with_are_refused() -> None:
    with pytest.raises(ValueError, match="3 real and 9 made images are too few"):
        calibrate(torch.zeros(3), torch.zeros(9), "isotonic", seeded())


def test_a_calibration_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="'beta' must be one of isotonic"):
        calibrate(torch.zeros(9), torch.zeros(9), "beta", seeded())


TARGET, MADE = (torch.tensor(shares, dtype=torch.float64) for shares in ([0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]))
EXACT = TARGET / (TARGET + MADE)


def kinds(weights: Tensor, count: int, seed: int = 0) -> Tensor:
    return torch.multinomial(weights, count, replacement=True, generator=seeded(seed))


def test_with_exact_probabilities_chains_end_in_the_target_distribution() -> None:
    made, real = kinds(MADE, 60_000), kinds(TARGET, 500, seed=1)
    chosen = metropolis_hastings(EXACT[made], EXACT[real], 20, seeded())
    counts = torch.bincount(made[chosen.indices], minlength=4).double()
    assert len(chosen.indices) == 3000
    assert chisquare(counts, 3000 * TARGET).pvalue > 0.01
    assert chisquare(counts, 3000 * MADE).pvalue < 1e-9
    assert 0.3 < chosen.acceptance < 0.9


def test_each_chain_ends_among_its_own_images() -> None:
    chosen = metropolis_hastings(torch.rand(47, generator=seeded()), torch.full((3,), 0.9), 5, seeded())
    assert [int(index) // 5 for index in chosen.indices] == list(range(9))


def test_a_chain_stuck_at_its_real_image_is_begun_again_with_a_made_one() -> None:
    chosen = metropolis_hastings(torch.full((20,), 1e-6), torch.full((3,), 1.0 - 1e-6), 10, seeded())
    assert chosen.stuck == 2
    assert [int(index) // 10 for index in chosen.indices] == [0, 1]


@pytest.mark.parametrize(("made", "real", "length"), [(9, 3, 10), (9, 0, 3), (9, 3, 0)])
def test_what_makes_no_chain_is_refused(made: int, real: int, length: int) -> None:
    with pytest.raises(ValueError, match="make no chain"):
        metropolis_hastings(torch.full((made,), 0.5), torch.full((real,), 0.5), length, seeded())


def test_rejection_brings_made_images_nearer_to_the_target() -> None:
    made = torch.randn(20_000, generator=seeded()).double()
    chosen = reject(torch.sigmoid(made - 0.5), 2000, seeded())
    assert int(chosen.min()) >= 2000
    assert abs(float(made.mean())) < 0.05
    assert 0.5 < float(made[chosen].mean()) < 1.1  # the target's is 1


@pytest.mark.parametrize("pilot", [0, 9])
def test_rejection_wants_a_pilot_and_images_beside_it(pilot: int) -> None:
    with pytest.raises(ValueError, match="leaves none"):
        reject(torch.full((9,), 0.5), pilot, seeded())


GRID = torch.cartesian_prod(*2 * [torch.arange(-2.0, 3.0)])
SPREAD, BLURRED = 0.05, 0.25
EVEN = torch.full((25,), 1.0 / 25)
LOW = torch.where(GRID[:, 1] < 0.5, 0.95 / 15, 0.05 / 10)


def points(weights: Tensor, spread: float, count: int, seed: int) -> Tensor:
    """Return points (count,2) of 25 normals on a grid."""
    which = torch.multinomial(weights, count, replacement=True, generator=seeded(seed))
    return GRID[which] + spread * torch.randn(count, 2, generator=seeded(seed + 1))


def log_density(where: Tensor, weights: Tensor, spread: float) -> Tensor:
    distances = (where[:, None] - GRID).double().square().sum(-1)
    return (weights.double().log() - distances / (2 * spread**2)).logsumexp(1) - 2.0 * math.log(spread)


def judged(where: Tensor) -> Tensor:
    """Return the logits of a discriminator that knows the right answer and says it too loudly."""
    return 2.0 * (log_density(where, EVEN, SPREAD) - log_density(where, LOW, BLURRED))


def quality(where: Tensor) -> tuple[float, int]:
    """Return the share of points within four spreads of a mode, and how many modes have one."""
    distance, mode = torch.cdist(where, GRID).min(dim=1)
    good = distance < 4.0 * SPREAD
    return float(good.double().mean()), int(mode[good].unique().numel())


def test_on_the_grid_of_25_normals_chains_beat_plain_samples() -> None:
    made, real = points(LOW, BLURRED, 100_000, 1), points(EVEN, SPREAD, 500, 3)
    fakes, reals = points(LOW, BLURRED, 2000, 5), points(EVEN, SPREAD, 2000, 7)
    calibration = calibrate(judged(reals), judged(fakes), "isotonic", seeded())
    chosen = metropolis_hastings(*(calibration.probability(judged(where)) for where in (made, real)), 500, seeded())
    plain, picked = quality(made[:200]), quality(made[chosen.indices])
    assert len(chosen.indices) == 200
    assert plain[0] < 0.4
    assert picked[0] > 0.9
    assert plain[1] < picked[1] == 25
