"""The protocol between the bench and the process that a foreign victim is looked at in.

bench → prober    Probe → Probed, or Broken with what was refused
                  Recognise → Recognised, or Broken
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from torch import Tensor

from gexbench.cards.own import Facts
from gexbench.cards.schema import VictimCard
from gexbench.engine.wire.messages import Message


class Probe(Message):
    """Look at a victim; file: what its card names. code: the folder of a foreign network's class.

    headers, authorities: of one behind an address.
    """

    op = "probe"
    card: VictimCard
    file: Path
    code: Path | None
    headers: dict[str, str] = Field(default={}, repr=False)
    authorities: Path | None = None
    threads: int


class Recognise(Message):
    """Ask a victim behind an address what it is known by; fields as in wire.messages.OpenService."""

    op = "recognise"
    card: VictimCard
    headers: dict[str, str] = Field(default={}, repr=False)
    authorities: Path | None
    threads: int


class Recognised(Message):
    """Its answers: the content of the file that they are kept in."""

    op = "recognised"
    answers: Tensor


class Probed(Message):
    """What was found."""

    op = "probed"
    facts: Facts
