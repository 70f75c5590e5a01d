"""What a foreign victim is, found out by asking it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gexbench.cards.own import Facts
from gexbench.cards.schema import VictimCard
from gexbench.engine.service.foreign_victim import NEAR, ForeignVictim
from gexbench.engine.service.signature import latents, pattern
from gexbench.engine.service.victim import open_victim
from gexbench.errors import PlanError, RunFailed

SIDES = (16, 24, 32, 33, 48, 64, 96, 128, 256)
RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))
SECONDS, LEAST_CALLS = 1.0, 2


@dataclass(frozen=True)
class Subject:
    """A victim to look at; known: whether its card is the user's, and so its kind and scale. code: see open_victim."""

    card: VictimCard
    known: bool
    file: Path
    digest: str
    code: Path | None

    def opened(self, **changes: Any) -> ForeignVictim:
        """Return the victim open, with changes to its card."""
        card = self.card.model_copy(update=changes)
        victim = open_victim(card, self.file, self.digest, "cpu", self.code)
        if not isinstance(victim, ForeignVictim):
            raise PlanError(f"victim {card.name!r} is gexbench's own", f"gexbench show {card.name}")
        return victim


def probe(subject: Subject) -> Facts:
    """Return what a victim is; raises GexbenchError, in one line, for what neither takes images nor draws them."""
    kinds = (subject.card.task_kind,) if subject.known else ("image-to-image", "sampling")
    refused: list[PlanError | RunFailed] = []
    for kind in kinds:
        try:
            return (_of_images if kind == "image-to-image" else _of_latents)(subject)
        except (PlanError, RunFailed) as error:
            refused.append(error)
    if len(refused) == 1:
        raise refused[0]
    raise PlanError(f"{subject.file} neither takes images nor draws them: {refused[0]}; {refused[1]}", refused[1].hint)


def _of_images(subject: Subject) -> Facts:
    victim = subject.opened(task_kind="image-to-image")
    told = (victim.signature.side, *victim.told_sides)
    took: dict[int, Tensor] = {}
    failure: RunFailed | None = None
    for side in sorted({*SIDES, *(each for each in told if each)}):
        try:
            took[side] = victim.values(pattern(side, side))
        except RunFailed as error:
            failure = failure or error
    if not took:
        raise failure or PlanError("nothing was tried")
    timed = min(took, key=lambda side: abs(side - 64))
    facts = _facts(subject, [*took.values()], lambda: victim.values(pattern(timed, timed)), timed)
    scale = _scale(victim, {side: y.shape[-1] for side, y in took.items()})
    shape = {"scale": scale, "sides": tuple(took), "any_shape": _takes(victim, timed, timed + 16)}
    return facts.model_copy(update={"task_kind": "image-to-image", **shape})


def _scale(victim: ForeignVictim, sides: dict[int, int]) -> int:
    scales = {out / side for side, out in sides.items()}
    (side, out), scale = next(iter(sides.items())), int(min(scales))
    if len(scales) != 1 or scale != min(scales):
        told = f"victim {victim.card.name!r} answers images of {side} px with images of {out} px"
        raise PlanError(f"{told}, which is no whole scale", "tasks enlarge by a whole number, or keep the size")
    return scale


def _takes(victim: ForeignVictim, height: int, width: int) -> bool:
    try:
        victim.values(pattern(height, width))
    except RunFailed:
        return False
    return True


def _of_latents(subject: Subject) -> Facts:
    victim = subject.opened(task_kind="sampling")
    if victim.latent_size is None:
        raise PlanError(
            "the length of its latents is unknown",
            "give the network an attribute latent_size, or write a card with latent_size in [net]",
        )
    z = latents(victim.latent_size)
    drawn = [victim.values(each) for each in z.split(1)]
    height, width = drawn[0].shape[2:]
    facts = _facts(subject, drawn, lambda: victim.values(z[:1]), width)
    return facts.model_copy(
        update={"task_kind": "sampling", "latent_size": victim.latent_size, "drawn": (int(height), int(width))}
    )


def _facts(subject: Subject, answers: Sequence[Tensor], ask: Callable[[], Tensor], timed_at: int) -> Facts:
    least, most = min(float(y.min()) for y in answers), max(float(y.max()) for y in answers)
    same = torch.equal(ask(), ask())
    return Facts(
        name=subject.card.name,
        backend=subject.card.backend,
        sha256=subject.digest,
        bytes=subject.file.stat().st_size,
        task_kind=subject.card.task_kind,
        least=least,
        most=most,
        gives=next((each for each in RANGES if _holds(each, least, most)), None),
        deterministic=same,
        images_per_second=_speed(ask),
        timed_at=timed_at,
    )


def _holds(bounds: tuple[float, float], least: float, most: float) -> bool:
    low, high = bounds
    slack = 5 * NEAR * (high - low)
    return low - slack <= least and most <= high + slack


def _speed(ask: Callable[[], Tensor]) -> float:
    start, calls = time.perf_counter(), 0
    while calls < LEAST_CALLS or time.perf_counter() - start < SECONDS:
        ask()
        calls += 1
    return float(f"{calls / (time.perf_counter() - start):.3g}")
