"""The surrogate's process: what was kept of it is built anew and answers the test; it knows no brief and no pool."""

from __future__ import annotations

import sys

import torch

from gexbench.engine.attacker import audit
from gexbench.engine.attacker.kept import Kept, read_kept, rebuild
from gexbench.engine.attacker.serve import served
from gexbench.engine.attacker.surrogate import Asked, latent_size
from gexbench.engine.kinds.kind import task_kind
from gexbench.engine.wire.frames import Channel
from gexbench.engine.wire.messages import (
    Built,
    Infer,
    Inferred,
    Ready,
    StartSurrogate,
    Stop,
    receive,
    send,
)

UNFIT = "cannot be built anew from its class, config and weights"


class Reloaded:
    """A surrogate built anew from what was kept, in whichever process it lives; raises SurrogateError."""

    def __init__(self, order: StartSurrogate, kept: Kept) -> None:
        torch.set_num_threads(order.threads)
        torch.manual_seed(order.seed)
        surrogate = rebuild(kept, order.code)
        self.latent_size = latent_size(surrogate)
        self.infer = Asked(task_kind(order.kind), surrogate, order).infer


class Follower:
    """Follow the bench's messages: build once, then infer any number of times."""

    def __init__(self, control: Channel) -> None:
        self.control = control
        self.incidents = audit.Incidents()

    def run(self) -> None:
        """Say that everything is loaded, then build one surrogate and answer until told to stop."""
        send(self.control, Ready())
        order = receive(self.control, StartSurrogate, Stop)
        if not isinstance(order, StartSurrogate):
            return
        kept = read_kept(order.folder)
        own = [str(path) for path in (order.code, order.folder) if path]
        self.incidents = audit.install(list(map(str, order.private)), list(map(str, order.writable)), own)
        reloaded = Reloaded(order, kept)
        send(self.control, Built(latent_size=reloaded.latent_size, incidents=self._tried()))
        while isinstance(question := receive(self.control, Infer, Stop), Infer):
            y = reloaded.infer(question.x)
            send(self.control, Inferred(y=y, incidents=self._tried()))

    def _tried(self) -> tuple[str, ...]:
        return tuple(self.incidents.list())


def main(argv: list[str]) -> int:
    """Build a surrogate and have it answer on the descriptor in `argv`."""
    follower = Follower(Channel.inherited(int(argv[0])))
    return served(follower, UNFIT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
