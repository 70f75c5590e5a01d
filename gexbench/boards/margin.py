"""What is too small a difference to matter: a tenth of the way from the floor to a perfect copy."""

from __future__ import annotations

from dataclasses import dataclass

from gexbench.boards.rank import Board
from gexbench.boards.row import Row, measured
from gexbench.boards.side import Number, Side

SHARE = 0.1
PERFECT = "perfect-copy"
"""The control that draws from the victim itself a second time."""
GIVE = "give --margin"


@dataclass(frozen=True)
class Margin:
    """How far two rows may lie apart and still be called the same; None where no such size follows from the board."""

    value: float | None
    told: str


def margin_of(board: Board, side: Side, number: Number, given: float | None) -> Margin:
    """Return the given margin, or a tenth of the way from the floor control to a perfect copy.

    It is of B alone, of a metric that is 0 where two sets are one: a perfect copy of a service that translates images
    scores 0, and one of a service that draws what the row `perfect-copy` does. What PSNR makes of one is infinite.
    """
    if given is not None:
        return Margin(given, "as given")
    card = measured(side.row.records)[number.metric]
    if number.compare != "B" or card.higher_is_better or card.against != "reference":
        return Margin(None, f"no way from a floor to a perfect copy is defined for {number}; {GIVE}")
    controls = _controls(board, side)
    floor = next((controls[name] for name in board.task.controls if name in controls and _floor(controls[name])), None)
    start = floor.score(*number) if floor is not None else None
    if floor is None or start is None:
        return Margin(None, f"the board has no floor control to take a margin from; {GIVE}")
    draws = board.task.profile[side.first.plan.profile.name].samples is not None
    end = None if draws else 0.0
    if PERFECT in controls and (perfect := controls[PERFECT].score(*number)) is not None:
        end = perfect.mean
    if end is None:
        return Margin(None, f"the board has no row {PERFECT!r} to take a margin from; {GIVE}")
    value = SHARE * abs(start.mean - end)
    return Margin(value, f"a tenth of the way from {floor.label} ({start.mean:.4g}) to a perfect copy ({end:.4g})")


def _controls(board: Board, side: Side) -> dict[str, Row]:
    """Return the controls of a row's profile by name: at the ranked budget, with the options of their cards."""
    profile = side.first.plan.profile.name
    tables = [t for t in board.tables if t.profile == profile and t.headline and not t.defense]
    rows = [row for table in tables for row in table.rows if row.control and "(" not in row.label]
    return {row.records[0].plan.attack.name: row for row in rows}


def _floor(row: Row) -> bool:
    """Whether a control asks nothing of the service; what it may know is data of its own."""
    attack = row.records[0].plan.attack
    return {*attack.needs} <= {"truth"} and attack.answers != "victim" and attack.name != PERFECT
