"""The card of a set of innocents: models that never learned from marked answers, for one task at one scale."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from gexbench.cards.fields import NAME, Frozen, Label, Name, OptionValue, Prose
from gexbench.cards.schema import Card


class Family(Frozen):
    """Runs of one of gexbench's own attacks on one undefended victim: every budget with every seed from 0 on."""

    attack: Annotated[str, StringConstraints(pattern=rf"^{NAME}$", max_length=80)]
    victim: Name
    budgets: tuple[Annotated[int, Field(ge=1)], ...] = Field(min_length=1)
    seeds: int = Field(ge=1)
    options: dict[Label, OptionValue] = {}


class InnocentsCard(Card):
    """A set of innocents; victims: those that are innocent themselves, such as the twin of the one that is defended."""

    task: Name
    profile: Name
    victims: tuple[Name, ...] = ()
    families: tuple[Family, ...] = Field(min_length=1)
    source: Prose = ""

    @property
    def count(self) -> int:
        """Return how many innocents there are when all are made."""
        return len(self.victims) + sum(len(family.budgets) * family.seeds for family in self.families)
