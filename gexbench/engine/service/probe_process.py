"""The process that a foreign victim is looked at in, sandboxed as the service is."""

from __future__ import annotations

import sys

import torch

from gexbench.engine.sandbox import linux
from gexbench.engine.service.foreign_victim import ForeignVictim
from gexbench.engine.service.probe import probe
from gexbench.engine.service.victim import open_victim
from gexbench.engine.wire.frames import Channel
from gexbench.engine.wire.messages import Broken, receive, send
from gexbench.engine.wire.probing import Probe, Probed
from gexbench.errors import GexbenchError, PlanError


def main(argv: list[str]) -> int:
    """Look at a victim for the bench at the other end of the descriptor in `argv`."""
    linux.shield()
    channel = Channel.inherited(int(argv[0]))
    order = receive(channel, Probe)
    if order is None or order.card.weights is None:
        return 1
    torch.set_num_threads(order.threads)
    try:
        victim = open_victim(order.card, order.file, order.card.weights.sha256, "cpu", order.code)
        if not isinstance(victim, ForeignVictim):
            raise PlanError(f"victim {order.card.name!r} is gexbench's own", f"gexbench show {order.card.name}")
        found = probe(victim)
    except GexbenchError as error:
        send(channel, Broken(kind=type(error).__name__, message=str(error), hint=error.hint))
        return 1
    send(channel, Probed(facts=found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
