"""The process that a foreign victim is looked at in, sandboxed as the service is."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from gexbench.cards.own import is_remote
from gexbench.engine.sandbox import linux
from gexbench.engine.service.dial import Dial, FarDial, Reach
from gexbench.engine.service.foreign_victim import ForeignVictim
from gexbench.engine.service.http_victim import HttpVictim
from gexbench.engine.service.probe import probe
from gexbench.engine.service.victim import Paid, open_victim
from gexbench.engine.store.weights import file_sha256
from gexbench.engine.wire.frames import Channel
from gexbench.engine.wire.image_file import packed_images
from gexbench.engine.wire.messages import Broken, receive, send
from gexbench.engine.wire.probing import Probe, Probed, Recognise, Recognised
from gexbench.errors import GexbenchError, PlanError


def main(argv: list[str]) -> int:
    """Look at a victim for the bench at the other end of the first descriptor; the second is of who connects."""
    linux.shield()
    channel, *others = (Channel.inherited(int(fd)) for fd in argv)
    order = receive(channel, Probe, Recognise)
    if order is None:
        return 1
    torch.set_num_threads(order.threads)
    try:
        dial = FarDial(others[0].end) if is_remote(order.card) else None
        send(channel, _probed(order, dial) if isinstance(order, Probe) else _recognised(order, dial))
    except GexbenchError as error:
        send(channel, Broken(kind=type(error).__name__, message=str(error), hint=error.hint))
        return 1
    return 0


def _probed(order: Probe, dial: Dial | None) -> Probed:
    card = order.card
    digest = file_sha256(order.file) if card.weights is None else card.weights.sha256
    beside = order.code if dial is None else Reach(dial, order.headers, order.authorities)
    victim = open_victim(card, order.file, digest, "cpu", beside)
    if not isinstance(victim, ForeignVictim):
        raise PlanError(f"victim {card.name!r} is gexbench's own", f"gexbench show {card.name}")
    facts = probe(victim)
    if isinstance(victim, Paid):
        facts = facts.model_copy(update={"calls": victim.bill().calls})
    return Probed(facts=facts)


def _recognised(order: Recognise, dial: Dial | None) -> Recognised:
    if dial is None:
        raise PlanError(f"victim {order.card.name!r} is behind no address", "gexbench victim probe")
    reach = Reach(dial, order.headers, order.authorities)
    content = packed_images(HttpVictim(order.card, Path(), "", "cpu", reach).fingerprint())
    return Recognised(answers=torch.frombuffer(bytearray(content), dtype=torch.uint8))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
