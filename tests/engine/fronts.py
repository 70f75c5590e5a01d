"""Services behind a defense in one process, for tests of one part of them."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from gexbench.core.defense import Defense
from gexbench.engine.defender.process import Defender
from gexbench.engine.kinds.endpoint import OpenVictim
from gexbench.engine.kinds.guard import Tests as Questions
from gexbench.engine.kinds.guard import Way
from gexbench.engine.service.defense import Bound, Guard
from gexbench.engine.service.front import Defended, Undefended, stream
from gexbench.engine.wire.frames import Frame
from gexbench.engine.wire.guarding import StartDefense
from gexbench.engine.wire.messages import Message

MEMORY = Path(":memory:")
KEY = bytes(range(32))


class Held(Defender):
    """A defense that is made already, behind a door that keeps what was said through it."""

    def __init__(self, defense: Defense) -> None:
        super().__init__()
        self._made, self.told = defense, list[Message]()

    def _start(self, order: StartDefense) -> Message:  # type: ignore[override]
        self._defense = self._made
        return super()._defends()

    def tell(self, order: Message, bound: Bound) -> Frame:
        self.told.append(order)
        return self.reply(order).frame()


def guard(defense: Defense, seed: int = 0, name: str = "a/b") -> Guard:
    """Return a defense as a service reaches it."""
    made = Guard(name, Held(defense), 60.0, seed, KEY)
    made.start(StartDefense(entry="a:B", options={}, device="cpu", threads=1))
    return made


def no_question(number: int) -> Tensor:
    raise AssertionError(number)


NO_TESTS = Questions((), no_question, 0)


def front(
    way: Way, victim: OpenVictim, defense: Defense | None = None, seed: int = 0, tests: Questions = NO_TESTS
) -> Defended | Undefended:
    """Return what lies before a victim: nothing, or a defense, with a budget of ten questions."""
    if defense is None:
        return Undefended(way, victim)
    return Defended(way, (victim, victim), guard(defense, seed), stream(tests, 10, MEMORY, b"secret"))
