"""The protocol between the bench and an inspector, the process that `gexbench check` looks at a plug-in in.

    bench → inspector    Inspect → Claim once a stage, then Ended

What an inspector sends is a claim: its texts are cut to size here.
"""

from __future__ import annotations

from pathlib import Path

from gexbench.cards.fields import OptionValue, TaskKindName
from gexbench.engine.wire.messages import Message, Name, Text


class Inspect(Message):
    """Look at a plug-in; role: "attack" or "defense", code: the folder of its modules, None for an installed one.

    prepares: whether its card says that it is prepared; prepared: the file of what it prepared, None before.
    """

    op = "inspect"
    role: str
    kind: TaskKindName
    entry: str
    code: Path | None
    options: dict[str, OptionValue]
    scale: int
    prepares: bool = False
    prepared: Path | None = None


class Claim(Message):
    """What was looked at, whether it is right, and what there is to say about it."""

    op = "claim"
    what: Name
    right: bool
    detail: Text


class Ended(Message):
    """Everything was looked at."""

    op = "ended"
