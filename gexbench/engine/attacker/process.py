"""The attacker's process: runs untrusted attack code, with a brief, an oracle and nothing else."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import torch
from torch import Tensor, nn

from gexbench.cards.entry import load_entry
from gexbench.core.attack import Progress, Surrogate
from gexbench.engine.attacker import audit
from gexbench.engine.attacker.brief import make_brief
from gexbench.engine.attacker.oracle import Ask, MeteredOracle, over
from gexbench.engine.attacker.surrogate import infer, latent_size, save_surrogate
from gexbench.engine.kinds.kind import task_kind
from gexbench.engine.wire import messages
from gexbench.engine.wire.frames import BrokenFrame, Channel
from gexbench.engine.wire.messages import (
    Extracted,
    Failed,
    Infer,
    Inferred,
    Ready,
    Save,
    Saved,
    StartAttack,
    Stop,
    receive,
    send,
)


class Attacker:
    """One attack and what it returned, in whichever process it lives."""

    def __init__(self, order: StartAttack, ask: Ask, progress: Progress) -> None:
        torch.set_num_threads(order.threads)
        self._order, self._kind = order, task_kind(order.kind)
        self._oracle = MeteredOracle(self._kind, order.budget, ask)
        self._brief = make_brief(order, progress)
        self._surrogate: Surrogate | None = None

    def extract(self) -> Extracted:
        """Run the attack; raises whatever it raises."""
        attack = load_entry(self._order.entry, self._order.code)()
        surrogate = attack.extract(self._oracle, self._brief)
        if isinstance(surrogate, nn.Module):
            surrogate.eval()
        self._surrogate = surrogate
        return Extracted(report=getattr(attack, "report", {}), latent_size=latent_size(surrogate))

    def infer(self, x: Tensor) -> Tensor:
        """Return the surrogate's raw output; see surrogate.infer."""
        return infer(self._kind, self._returned(), x.to(torch.device(self._order.device)))

    def save(self, folder: Path) -> str:
        """Save the surrogate's weights in a folder and return its class path."""
        folder.mkdir(parents=True, exist_ok=True)
        return save_surrogate(self._returned(), folder)

    def _returned(self) -> Surrogate:
        if self._surrogate is None:
            raise TypeError("the attack returned no surrogate")
        return self._surrogate


class Follower:
    """Follow the bench's messages: start, then infer any number of times, then save."""

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
        while True:
            order = receive(self.control, Infer, Save, Stop)
            if isinstance(order, Infer):
                send(self.control, Inferred(y=attacker.infer(order.x)))
            elif isinstance(order, Save):
                kept = attacker.save(order.folder)
                send(self.control, Saved(class_path=kept, incidents=tuple(self.incidents.list())))
            else:
                return


def main(argv: list[str]) -> int:
    """Run an attack on the two descriptors in `argv`: control, oracle."""
    follower = Follower(*(Channel.inherited(int(fd)) for fd in argv))
    try:
        follower.run()
    except BrokenFrame:
        return 1
    except BaseException as error:
        traceback.print_exc()
        reason = f"{type(error).__name__}: {str(error)[:500]}"
        send(follower.control, Failed(reason=reason, incidents=tuple(follower.incidents.list())))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
