"""What a foreign victim is, found out by asking it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from gexbench.cards.own import Facts
from gexbench.engine.kinds.image_to_image import pattern
from gexbench.engine.kinds.sampling import surrogate_latents
from gexbench.engine.service.foreign_victim import NEAR, ForeignVictim
from gexbench.errors import EndpointError, GexbenchError, PlanError, RunFailed

SIDES = (16, 24, 32, 33, 48, 64, 96, 128, 256)
SIDES_FOR_MONEY = (32, 64, 128)
RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))
LATENTS, USUAL = 4, 64
SECONDS, LEAST_CALLS = 1.0, 2


def probe(victim: ForeignVictim) -> Facts:
    """Return what a victim is; raises PlanError, in one line, for what neither takes images nor draws them.

    It is asked about images first, unless its card says how long its latents are.
    """
    ways: list[Callable[[ForeignVictim], Facts]] = [_of_images, _of_latents]
    refused: list[GexbenchError] = []
    for way in ways if victim.signature.latent_size is None else reversed(ways):
        try:
            return way(victim)
        except (PlanError, RunFailed, EndpointError) as error:
            refused.append(error)
    told = f"victim {victim.card.name!r} neither takes images nor draws them: {'; '.join(map(str, refused))}"
    raise PlanError(told, "export the generator alone: (N,3,H,W) to (N,3,H,W), or (N,d) to (N,3,H,W)")


def _of_images(victim: ForeignVictim) -> Facts:
    took: dict[int, Tensor] = {}
    refused: list[GexbenchError] = []
    usual = SIDES_FOR_MONEY if victim.is_slow else SIDES
    for side in sorted({*usual, *victim.told_sides, *filter(None, [victim.signature.side])}):
        try:
            took[side] = victim.values(pattern(side, side))
        except (RunFailed, EndpointError) as error:
            refused.append(error)
    if not took:
        raise refused[0]
    scale = _scale({side: y.shape[-1] for side, y in took.items()})
    timed = min(took, key=lambda side: abs(side - USUAL))
    facts = _facts(victim, [*took.values()], lambda: victim.values(pattern(timed, timed)), timed)
    found: dict[str, Any] = {"scale": scale, "sides": tuple(took), "any_shape": _takes(victim, timed, timed + 16)}
    return facts.model_copy(update=found)


def _scale(sides: dict[int, int]) -> int:
    """Return output side over input side; raises PlanError where that is no whole number, or not always the same."""
    scales = {out / side for side, out in sides.items()}
    if len(scales) != 1 or not min(scales).is_integer():
        side, out = next(iter(sides.items()))
        raise PlanError(f"it answers {side} px with {out} px, and tasks enlarge by one whole number")
    return int(min(scales))


def _takes(victim: ForeignVictim, height: int, width: int) -> bool:
    try:
        victim.values(pattern(height, width))
    except (RunFailed, EndpointError):
        return False
    return True


def _of_latents(victim: ForeignVictim) -> Facts:
    if victim.latent_size is None:
        raise PlanError("how long its latents are, neither file nor card says")
    z = surrogate_latents(range(LATENTS), victim.latent_size, 0)
    drawn = [victim.values(each) for each in z.split(1)]
    height, width = drawn[0].shape[2:]
    facts = _facts(victim, drawn, lambda: victim.values(z[:1]), width)
    return facts.model_copy(update={"draws": True, "latent_size": victim.latent_size, "drawn": (height, width)})


def _facts(victim: ForeignVictim, answers: Sequence[Tensor], ask: Callable[[], Tensor], timed_at: int) -> Facts:
    least, most = min(float(y.min()) for y in answers), max(float(y.max()) for y in answers)
    same = torch.equal(ask(), ask())
    return Facts(
        name=victim.card.name,
        backend=victim.card.backend,
        sha256=victim.digest,
        draws=False,
        least=least,
        most=most,
        gives=next((each for each in RANGES if _holds(each, least, most)), None),
        deterministic=same,
        images_per_second=_speed(ask, 0.0 if victim.is_slow else SECONDS),
        timed_at=timed_at,
    )


def _holds(bounds: tuple[float, float], least: float, most: float) -> bool:
    low, high = bounds
    slack = 5 * NEAR * (high - low)
    return low - slack <= least and most <= high + slack


def _speed(ask: Callable[[], Tensor], seconds: float) -> float:
    start, calls = time.perf_counter(), 0
    while calls < LEAST_CALLS or time.perf_counter() - start < seconds:
        ask()
        calls += 1
    return float(f"{calls / (time.perf_counter() - start):.3g}")
