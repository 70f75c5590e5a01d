"""The oracle as an attack sees it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from torch import Tensor

from gexbench.core.images import from_uint8
from gexbench.core.oracle import Samples
from gexbench.engine.kinds.kind import TaskKind
from gexbench.engine.wire.frames import BrokenFrame, Channel
from gexbench.engine.wire.messages import Answer, Query, Refused, Sample, receive, send
from gexbench.errors import BudgetError, QueryError

Ask = Callable[[Query | Sample], Answer | Refused]


class MeteredOracle:
    """The only door to a victim; implements core.oracle.Oracle. Threads may share it, child processes may not."""

    def __init__(self, kind: TaskKind, budget: int, ask: Ask) -> None:
        self.budget, self.remaining = budget, budget
        self._kind, self._ask, self._lock, self._owner = kind, ask, threading.Lock(), os.getpid()

    def query(self, x: Tensor) -> Tensor:
        """Ask the victim about a batch; see core.oracle.Oracle.query."""
        packed = self._kind.packed(x.detach().cpu() if isinstance(x, Tensor) else x)
        return from_uint8(self._answer(Query(x=packed)).y)

    def sample(self, n: int) -> Samples:
        """Have the victim draw images; see core.oracle.Oracle.sample."""
        answer = self._answer(Sample(n=n))
        return Samples(from_uint8(answer.y), answer.z)

    def _answer(self, question: Query | Sample) -> Answer:
        if os.getpid() != self._owner:
            raise QueryError("the oracle belongs to the process it was given to", "ask from the parent process")
        with self._lock:
            reply = self._ask(question)
            self.remaining = reply.remaining
        if isinstance(reply, Refused):
            raise (BudgetError if reply.over else QueryError)(reply.message, reply.hint)
        return reply


def over(channel: Channel) -> Ask:
    """Return what asks the service at the other end of a channel."""

    def ask(question: Query | Sample) -> Answer | Refused:
        try:
            send(channel, question)
            reply = receive(channel, Answer, Refused)
        except BrokenFrame as broken:
            raise QueryError(f"the oracle has gone: {broken}", "the run has ended") from None
        if reply is None:
            raise QueryError("the oracle has closed: the attack has ended", "ask inside extract()")
        return reply

    return ask
