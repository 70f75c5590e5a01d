"""The protocol between the bench and the process that a foreign victim is looked at in.

bench → prober    Probe → Probed, or Broken with what was refused
"""

from __future__ import annotations

from pathlib import Path

from gexbench.cards.own import Facts
from gexbench.cards.schema import VictimCard
from gexbench.engine.wire.messages import Message


class Probe(Message):
    """Look at a victim; file: what its card names. code: the folder of a foreign network's class."""

    op = "probe"
    card: VictimCard
    file: Path
    code: Path | None
    threads: int


class Probed(Message):
    """What was found."""

    op = "probed"
    facts: Facts
