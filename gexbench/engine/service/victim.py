"""Victims that answer, each through the backend that its card names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from gexbench.cards.entry import load_entry
from gexbench.cards.own import is_foreign
from gexbench.cards.schema import VictimCard
from gexbench.engine.kinds.endpoint import OpenVictim
from gexbench.engine.kinds.kind import task_kind
from gexbench.engine.service.backends import BACKENDS, TRIAL
from gexbench.errors import EndpointError
from gexbench.plan import Plan
from gexbench.record import Bill


@runtime_checkable
class Paid(Protocol):
    """A victim whose answers are paid for, since it is behind an address; see http_victim."""

    def bill(self) -> Bill:
        """Return what was paid for so far."""
        ...

    def watch(self) -> str:
        """Say in which way it answers otherwise than when it was first seen, "" where it does not."""
        ...


def open_victim(card: VictimCard, files: Path, digest: str, device: str, beside: object | None = None) -> OpenVictim:
    """Return a victim that answers.

    files: what it is made of, one file. digest: the SHA-256 of what answers, which must be kept. device: where it runs.
    beside: the folder of a foreign network's class, or the Reach of a victim behind an address. Raises AssetMissing
    when the file is missing, altered or of another network, and CardError for code that is not there.
    """
    backend: Any = load_entry(BACKENDS[card.backend])
    victim: OpenVictim = backend(card, files, digest, device, *([] if beside is None else [beside]))
    return victim


def refuse_changed(victim: OpenVictim, card: VictimCard) -> None:
    """Raise EndpointError where a victim behind an address answers otherwise than when it was first seen."""
    changed = victim.watch() if isinstance(victim, Paid) else ""
    if changed:
        told = f"victim {card.name!r} is no longer what it was: it {changed}"
        anew = "write a new card of it" if card.weights else "gexbench victim probe takes it as it is now"
        raise EndpointError(told, f"{anew}; its runs then begin anew")


def try_foreign(victim: OpenVictim, plan: Plan, sizes: Sequence[tuple[int, int]]) -> None:
    """Raise PlanError where a foreign victim is not what its card says; sizes: see OpenService."""
    if is_foreign(plan.victim):
        load_entry(TRIAL)(victim, task_kind(plan.task.kind).tried(plan, victim, sizes))
