"""Victims that answer, each through the backend that its card names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gexbench.cards.entry import load_entry
from gexbench.cards.own import is_foreign
from gexbench.cards.schema import VictimCard
from gexbench.engine.kinds.endpoint import OpenVictim
from gexbench.engine.kinds.kind import task_kind
from gexbench.engine.service.backends import BACKENDS, TRIAL
from gexbench.plan import Plan


def open_victim(card: VictimCard, files: Path, digest: str, device: str, code: Path | None = None) -> OpenVictim:
    """Return a victim that answers.

    files: what it is made of, one file. digest: the SHA-256 of what answers, which must be kept. device: where it runs.
    code: the folder of a foreign network's class. Raises AssetMissing when the file is missing, altered or of another
    network, and CardError for code that is not there.
    """
    backend: Any = load_entry(BACKENDS[card.backend])
    victim: OpenVictim = backend(card, files, digest, device, *([] if code is None else [code]))
    return victim


def try_foreign(victim: OpenVictim, plan: Plan, sizes: Sequence[tuple[int, int]]) -> None:
    """Raise PlanError where a foreign victim is not what its card says; sizes: see OpenService."""
    if is_foreign(plan.victim):
        load_entry(TRIAL)(victim, task_kind(plan.task.kind).tried(plan, victim, sizes))
