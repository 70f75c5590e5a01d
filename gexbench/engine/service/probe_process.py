"""The process that a foreign victim is looked at in, sandboxed as the service is."""

from __future__ import annotations

import sys

import torch

from gexbench.engine.sandbox import linux
from gexbench.engine.service.probe import Subject, probe
from gexbench.engine.wire.frames import Channel
from gexbench.engine.wire.messages import Broken, receive, send
from gexbench.engine.wire.probing import Probe, Probed
from gexbench.errors import GexbenchError


def main(argv: list[str]) -> int:
    """Look at a victim for the bench at the other end of the descriptor in `argv`."""
    linux.shield()
    channel = Channel.inherited(int(argv[0]))
    order = receive(channel, Probe)
    if order is None or order.card.weights is None:
        return 1
    torch.set_num_threads(order.threads)
    try:
        found = probe(Subject(order.card, order.known, order.file, order.card.weights.sha256, order.code))
    except GexbenchError as error:
        send(channel, Broken(kind=type(error).__name__, message=str(error), hint=error.hint))
        return 1
    send(channel, Probed(facts=found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
