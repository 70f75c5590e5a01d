"""Every backend a card can name is there, and opens victims that answer."""

from __future__ import annotations

from typing import get_args

from gexbench.cards.entry import load_entry
from gexbench.cards.schema import VictimCard
from gexbench.engine.service.backends import BACKENDS, TRIAL


def test_every_backend_a_card_can_name_is_there_and_opens_victims_that_answer() -> None:
    assert set(get_args(VictimCard.model_fields["backend"].annotation)) == set(BACKENDS)
    for entry in BACKENDS.values():
        backend = load_entry(entry)
        assert callable(backend.answer)
        assert callable(backend.secret)
    assert callable(load_entry(TRIAL))
