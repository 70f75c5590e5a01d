"""The card of a leaderboard."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from gexbench.cards.fields import NAME, Compare, Frozen, Line, Name, Sha256
from gexbench.cards.schema import Card, Main, TaskCard


class ReportedRow(Frozen):
    """One metric of an attack published elsewhere, never ranked with ours. `values`: comparison to text as printed."""

    attack: Line
    test: Line
    metric: Line
    values: dict[Compare, Line]


class Reported(Frozen):
    """Rows from one publication, and in `traps` what to know before reading them beside ours."""

    title: Line
    source: Line
    traps: tuple[Line, ...] = ()
    rows: tuple[ReportedRow, ...]


class ReportedDefense(Frozen):
    """What was published of a defense, in words, and in `trap` what to know before reading it beside ours."""

    defense: Line
    finding: Line
    trap: Line
    source: Line


class BoardCard(Card):
    """A leaderboard: the task and version whose records it takes, and what its first table shows split by split.

    The task's main number always leads that table, as the mean over test splits, and is what rows are ranked by.
    `since`: of profiles that a new version of the task left as they were, the first version whose records are taken.
    `notes`: what to know before reading a profile's tables. `defenses`: what was published of them, shown where
    some record is of a defended service. `victim`: it takes records of this one alone, and not of the profiles' own.
    `frozen`: the digest of all its records where it takes no more, since its task went on to a later version.
    """

    task: str = Field(pattern=rf"^{NAME}(/{NAME})?@\d+$")
    victim: Name | None = None
    frozen: Sha256 | None = None
    since: dict[Name, Annotated[int, Field(ge=1)]] = {}
    columns: tuple[Main, ...] = Field(min_length=1)
    notes: dict[Name, tuple[Line, ...]] = {}
    reported: tuple[Reported, ...] = ()
    defenses: tuple[ReportedDefense, ...] = ()

    @model_validator(mode="after")
    def _since_is_no_later_version(self) -> BoardCard:
        if late := [profile for profile, version in self.since.items() if version > self.newest]:
            raise ValueError(f"since.{late[0]} is later than {self.task}")
        return self

    @property
    def of(self) -> str:
        """Return the task's name."""
        return self.task.rpartition("@")[0]

    @property
    def taken(self) -> str:
        """Return in words what records it takes: of a task, such as `sr@1`, and of one victim where it names one."""
        return self.task + (f" with the victim {self.victim}" if self.victim else "")

    @property
    def newest(self) -> int:
        """Return the task's version."""
        return int(self.task.rpartition("@")[2])

    def takes(self, task: TaskCard, profile: str, victim: str) -> bool:
        """Say whether records of a task's version stand on this board at a profile.

        A board that names no victim says so of every victim: which it is of is an objection, not another board.
        """
        return (
            self.victim in (None, victim)
            and task.name == self.of
            and self.since.get(profile, self.newest) <= task.version <= self.newest
        )
