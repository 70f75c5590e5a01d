"""The attacker's process: runs untrusted attack code, with a brief, an oracle and nothing else."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from gexbench.cards.entry import load_entry
from gexbench.core.adapt import adapted
from gexbench.core.attack import Progress, Surrogate
from gexbench.engine.attacker import audit
from gexbench.engine.attacker.brief import make_brief
from gexbench.engine.attacker.kept import keep
from gexbench.engine.attacker.oracle import Ask, MeteredOracle, over
from gexbench.engine.attacker.serve import served
from gexbench.engine.attacker.surrogate import LARGEST_ANSWER, Asked, latent_size
from gexbench.engine.kinds.kind import task_kind
from gexbench.engine.wire import messages
from gexbench.engine.wire.frames import Channel
from gexbench.engine.wire.messages import (
    Extracted,
    Ready,
    Save,
    Saved,
    StartAttack,
    Stop,
    receive,
    send,
)

UNFIT = "returned a surrogate that cannot be kept"


class Attacker:
    """One attack and what it returned, in whichever process it lives."""

    def __init__(self, order: StartAttack, ask: Ask, progress: Progress) -> None:
        torch.set_num_threads(order.threads)
        self._order, self._kind = order, task_kind(order.kind)
        self._oracle = adapted(MeteredOracle(self._kind, order.budget, ask), order.adaptive, order.seed)
        self._brief = replace(make_brief(order, progress), budget=self._oracle.budget)
        self._surrogate: Surrogate | None = None

    def extract(self) -> Extracted:
        """Run the attack; raises whatever it raises."""
        attack = load_entry(self._order.entry, self._order.code)()
        self._surrogate = attack.extract(self._oracle, self._brief)
        return Extracted(report=getattr(attack, "report", {}))

    def save(self, folder: Path) -> Tensor | None:
        """Write what the surrogate is built anew from into a folder, and return its answer to the probe.

        No answer where it has none. Raises SurrogateError where it cannot be kept.
        """
        surrogate, order = self._surrogate, self._order
        if surrogate is None:
            raise TypeError("the attack returned no surrogate")
        keep(surrogate, folder)
        x = self._kind.probe(self._brief.pool, latent_size(surrogate), order.seed)
        try:
            answer = None if x is None else Asked(self._kind, surrogate, order).infer(x)
            return None if answer is None or answer.nbytes > LARGEST_ANSWER else answer
        except Exception:  # what it raises when it is scored ends the run
            return None


class Follower:
    """Follow the bench's messages: start, then save."""

    def __init__(self, control: Channel, oracle: Channel) -> None:
        self.control, self.oracle = control, oracle
        self.incidents = audit.Incidents()

    def run(self) -> None:
        """Say that everything is loaded, then run one attack from its order to the end."""
        send(self.control, Ready())
        order = receive(self.control, StartAttack, Stop)
        if not isinstance(order, StartAttack):
            return
        attacker = Attacker(order, over(self.oracle), self._progress)
        own = [str(path) for path in (order.code, order.pool.parent) if path]
        self.incidents = audit.install(list(map(str, order.private)), list(map(str, order.writable)), own)
        before = audit.snapshot()
        extracted = attacker.extract()
        incidents = tuple(self.incidents.list() + audit.changes(before))
        send(self.control, extracted.model_copy(update={"incidents": incidents}))
        self._answer(attacker)

    def _progress(self, what: str, done: int, total: int) -> None:
        send(self.control, messages.Progress(what=what, done=int(done), total=int(total)))

    def _answer(self, attacker: Attacker) -> None:
        while isinstance(order := receive(self.control, Save, Stop), Save):
            answer = attacker.save(order.folder)
            send(self.control, Saved(answer=answer, incidents=tuple(self.incidents.list())))


def main(argv: list[str]) -> int:
    """Run an attack on the two descriptors in `argv`: control, oracle."""
    follower = Follower(*(Channel.inherited(int(fd)) for fd in argv))
    return served(follower, UNFIT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
