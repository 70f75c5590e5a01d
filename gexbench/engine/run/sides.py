"""The two sides of a run as the bench reaches them: the service and the attacker, in whichever process they live."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from torch import Tensor

from gexbench.core.attack import Progress
from gexbench.engine.run.clock import Timesheet
from gexbench.engine.wire.messages import (
    AnswerUnmetered,
    Closed,
    DrawUnmetered,
    OpenService,
    Settled,
    ShowQueried,
    StartAttack,
    Unmetered,
)
from gexbench.foreign_text import shown


@dataclass
class Journal:
    """What happens while both sides run: progress, time that the attack uses, incidents, the attack's own report."""

    progress: Progress
    timesheet: Timesheet = field(default_factory=lambda: Timesheet(math.inf, math.inf))
    incidents: list[str] = field(default_factory=list)
    report: dict[str, float | int | str] = field(default_factory=dict)
    peak_memory: dict[str, int] = field(default_factory=dict)

    def note(self, incidents: tuple[str, ...]) -> None:
        """Add incidents, once each and fifty at most."""
        for text in map(shown, incidents):
            if text not in self.incidents and len(self.incidents) < 50:
                self.incidents.append(text)


@dataclass(frozen=True)
class Orders:
    """What both sides are started with."""

    service: OpenService
    attacker: StartAttack | None


class ServiceSide(Protocol):
    """The service, from the bench."""

    def close(self, for_evidence: bool = False) -> Closed:
        """Refuse questions from now on and return the account; for_evidence: see wire.messages.CloseOracle."""
        ...

    def unmetered(self, question: AnswerUnmetered | DrawUnmetered | ShowQueried) -> Unmetered:
        """Return the answers to a question of the test, or what left for one of the attack's."""
        ...

    def settle(self, watch: bool) -> Settled:
        """Return what a victim behind an address was paid; watch: and whether it answers as before."""
        ...

    def stop(self) -> None:
        """End the service."""
        ...


class AttackerSide(Protocol):
    """The attacker, from the bench."""

    def extract(self) -> None:
        """Run the attack; raises RunFailed when it ends without a surrogate."""
        ...

    def save(self, folder: Path) -> Tensor | None:
        """Have what the surrogate is built anew from saved in `folder`, and return its answer to `TaskKind.probe`.

        None where it gave none. Raises RunFailed where it cannot be kept.
        """
        ...

    def stop(self) -> None:
        """End the attack with everything it started."""
        ...


class SurrogateSide(Protocol):
    """The surrogate built anew, from the bench; latent_size: what it says it takes, after build()."""

    latent_size: int | None

    def build(self) -> None:
        """Have it built from what was kept; raises RunFailed where that cannot be."""
        ...

    def infer(self, x: Tensor) -> Tensor:
        """Return its raw output for what the task's kind asks it."""
        ...

    def stop(self) -> None:
        """End it with everything it started."""
        ...
