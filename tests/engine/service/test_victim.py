"""A victim is opened through the backend that its card names."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from gexbench.cards.entry import load_entry
from gexbench.cards.schema import VictimCard
from gexbench.engine.service import victim
from gexbench.engine.service.victim import BACKENDS, open_victim

from ..toy_orders import plan


class Recalled:
    """A backend that remembers what it was called with."""

    digest, latent_size = "", None

    def __init__(self, *arguments: object) -> None:
        self.arguments = arguments


def test_the_cards_backend_opens_it_with_all_that_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(victim.BACKENDS, "toy", f"{__name__}:Recalled")
    card = plan().victim.model_copy(update={"backend": "toy"})
    opened = open_victim(card, Path("files"), "digest", "cpu")
    assert isinstance(opened, Recalled)
    assert opened.arguments == (card, Path("files"), "digest", "cpu")


def test_every_backend_a_card_can_name_is_there_and_opens_victims_that_answer() -> None:
    assert set(get_args(VictimCard.model_fields["backend"].annotation)) == set(BACKENDS)
    for entry in BACKENDS.values():
        backend = load_entry(entry)
        assert callable(backend.answer)
        assert callable(backend.secret)
