"""The defense's process as the bench starts and ends it, and what is asked of the service after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from gexbench.engine.defender.process import Defender
from gexbench.engine.kinds.evidence import TestEvidence
from gexbench.engine.run import clock
from gexbench.engine.run.sides import Journal
from gexbench.engine.sandbox.launch import Job, launch
from gexbench.engine.sandbox.rules import Rules
from gexbench.engine.service.defense import Bound
from gexbench.engine.wire.frames import Frame, pair
from gexbench.engine.wire.messages import Message, ShowQueried, Unmetered


@dataclass(frozen=True)
class Confines:
    """Where a child runs: its folder, its log, and the rules of its sandbox."""

    folder: Path
    log: Path
    rules: Rules


class DefenseProcess:
    """A defense's process; `service` is the end of its channel that is not its own, role its name in the journal."""

    def __init__(self, confines: Confines, journal: Journal, role: str = "defense") -> None:
        self.service, theirs = pair()
        fds, module = (theirs.fileno(),), "gexbench.engine.defender.process"
        self._child = launch(Job(module, tuple(map(str, fds)), fds, confines.folder, confines.log, confines.rules, {}))
        theirs.close()
        self._journal, self._role = journal, role

    def stop(self) -> None:
        """End the process with everything it started, once the other end is closed, and note what was left."""
        end = self._child.wait(clock.STOPPED_WITHIN)
        if end is None:
            self._child.kill()
            end = self._child.wait(10.0)
        if end is not None:
            self._journal.peak_memory[self._role] = end.peak_memory
            if end.stragglers:
                self._journal.note((f"the defense left {end.stragglers} process(es) behind, killed",))


class NearDoor:
    """A defense in this process; implements service.defense.Door, and keeps to no bound."""

    def __init__(self) -> None:
        self._defender = Defender()

    def tell(self, order: Message, bound: Bound) -> Frame:
        """Return the answer to an order."""
        return self._defender.reply(order).frame()


def queried(ask: Callable[[ShowQueried], Unmetered]) -> TestEvidence | None:
    """Return what left for some of the attack's own questions beside the plain answers; None where none was kept."""
    plain: list[Tensor] = []
    left: list[Tensor] = []
    while True:
        answer = ask(ShowQueried(place=len(plain)))
        if answer.guarded is None:
            break
        plain.extend(answer.plain)
        left.extend(answer.guarded)
    nothing: tuple[Tensor, ...] = ()
    return TestEvidence((), nothing, nothing, tuple(plain), tuple(left), None) if plain else None
