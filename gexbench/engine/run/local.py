"""Service, defense and attacker in this process: no boundary, for debugging. They run what the processes run."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from torch import Tensor

from gexbench.cards.endpoint import endpoint_of
from gexbench.cards.own import is_remote
from gexbench.cards.schema import VictimCard
from gexbench.engine.attacker import process, surrogate_process
from gexbench.engine.attacker.kept import happened, read_kept
from gexbench.engine.attacker.process import Attacker
from gexbench.engine.attacker.surrogate_process import Reloaded
from gexbench.engine.run.defense import NearDoor
from gexbench.engine.run.sides import Journal
from gexbench.engine.service.dial import Dial, connected
from gexbench.engine.service.process import Service
from gexbench.engine.wire.messages import (
    AnswerUnmetered,
    Closed,
    DrawUnmetered,
    OpenService,
    Settled,
    ShowQueried,
    StartAttack,
    StartSurrogate,
    Unmetered,
)
from gexbench.errors import EndpointError, RunFailed

T = TypeVar("T")


class LocalService:
    """A service in this process; implements sides.ServiceSide."""

    def __init__(self, order: OpenService) -> None:
        self.service = Service(order, NearDoor() if order.plan.defense else None, _dial(order.plan.victim))

    def close(self, for_evidence: bool = False) -> Closed:
        """Refuse questions from now on and return the account."""
        return self.service.close(for_evidence)

    def unmetered(self, question: AnswerUnmetered | DrawUnmetered | ShowQueried) -> Unmetered:
        """Return the answers to a question of the test, or what left for one of the attack's."""
        return self.service.unmetered(question)

    def settle(self, watch: bool) -> Settled:
        """Return what a victim behind an address was paid; watch: and whether it answers as before."""
        return self.service.settle(watch)

    def stop(self) -> None:
        """Close the ledger."""
        self.service.stop()


class LocalAttacker:
    """An attack in this process; implements sides.AttackerSide. What it raises becomes a RunFailed."""

    def __init__(self, order: StartAttack, service: LocalService, journal: Journal) -> None:
        self._attacker = Attacker(order, service.service.ask, journal.progress)
        self._journal = journal

    def extract(self) -> None:
        """Run the attack."""
        self._journal.report.update(_held(self._attacker.extract, "the attack", process.UNFIT).report)

    def save(self, folder: Path) -> Tensor | None:
        """Save what the surrogate is built anew from, and return its answer to the probe."""
        return _held(lambda: self._attacker.save(folder), "the attack", process.UNFIT)

    def stop(self) -> None:
        """Nothing to stop."""


class LocalSurrogate:
    """A surrogate built anew in this process; implements sides.SurrogateSide. What it raises becomes a RunFailed."""

    def __init__(self, order: StartSurrogate) -> None:
        self._order = order
        self.latent_size: int | None = None

    def build(self) -> None:
        """Build it."""
        self._reloaded = _held(
            lambda: Reloaded(self._order, read_kept(self._order.folder)), "the surrogate", surrogate_process.UNFIT
        )
        self.latent_size = self._reloaded.latent_size

    def infer(self, x: Tensor) -> Tensor:
        """Return its raw output for what the task's kind asks it."""
        return _held(lambda: self._reloaded.infer(x), "the surrogate", surrogate_process.UNFIT)

    def stop(self) -> None:
        """Nothing to stop."""


def _dial(victim: VictimCard) -> Dial | None:
    if not is_remote(victim):
        return None
    target = endpoint_of(victim).target
    return functools.partial(connected, target.host, target.port)


def _held(call: Callable[[], T], subject: str, unfit: str) -> T:
    try:
        return call()
    except (RunFailed, EndpointError):
        raise  # the defense's fault, or the victim's, met while the attack asked
    except Exception as error:
        traceback.print_exception(error)
        raise RunFailed(f"{subject} {happened(error, unfit)}") from error
