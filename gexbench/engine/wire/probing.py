"""The protocol between the bench and the process that a foreign victim is looked at in.

bench → prober    Probe → Probed, or Broken with what was refused
"""

from __future__ import annotations

from pathlib import Path

from gexbench.cards.own import Facts
from gexbench.cards.schema import VictimCard
from gexbench.engine.wire.messages import Message


class Probe(Message):
    """Look at a victim: a file as it lies there, as the kinds and at the scale that are found, or as its card says.

    known: whether the card is the user's. code: the folder of a foreign network's class.
    """

    op = "probe"
    card: VictimCard
    known: bool
    file: Path
    code: Path | None
    threads: int


class Probed(Message):
    """What was found."""

    op = "probed"
    facts: Facts
