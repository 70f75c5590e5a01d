"""Whether a foreign victim is what its card says, seen before the first question."""

from __future__ import annotations

from collections.abc import Iterable

from gexbench.engine.kinds.kind import Tried
from gexbench.engine.service.foreign_victim import ForeignVictim
from gexbench.errors import PlanError, RunFailed


def check_signature(victim: ForeignVictim, questions: Iterable[Tried]) -> None:
    """Raise PlanError where a victim does not answer as its card says; questions: see TaskKind.tried."""
    for question in questions:
        try:
            y = victim.raw(question.x)
        except RunFailed as error:
            raise PlanError(str(error), error.hint) from None
        victim.refuse_range(y)
        if tuple(y.shape[2:]) != question.size:
            height, width = question.size
            told = f"victim {victim.card.name!r} draws images of {y.shape[3]} x {y.shape[2]}"
            raise PlanError(f"{told}, and this task has {width} x {height}", "give a victim of that size")
