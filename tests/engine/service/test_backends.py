"""Every backend a card can name is there, and opens victims that answer."""

from __future__ import annotations

from typing import get_args

import pytest

from gexbench.cards.entry import load_entry
from gexbench.cards.schema import VictimCard
from gexbench.engine.service.backends import BACKENDS, OWN_CODE, TRIAL, backend_of

from ..toy_orders import plan


def test_every_backend_a_card_can_name_is_there_and_opens_victims_that_answer() -> None:
    assert set(get_args(VictimCard.model_fields["backend"].annotation)) == set(BACKENDS)
    for entry in (*BACKENDS.values(), OWN_CODE):
        backend = load_entry(entry)
        assert callable(backend.answer)
        assert callable(backend.secret)
    assert callable(load_entry(TRIAL))


@pytest.mark.parametrize(
    ("changes", "opens"),
    [({}, BACKENDS["pytorch"]), ({"entry": "mine:Net"}, OWN_CODE), ({"backend": "onnx"}, BACKENDS["onnx"])],
)
def test_networks_in_code_of_somebody_else_have_a_backend_of_their_own(changes: dict[str, str], opens: str) -> None:
    assert backend_of(plan().victim.model_copy(update=changes)) == opens
