"""A victim is opened through the backend that its card names."""

from __future__ import annotations

from pathlib import Path

import pytest

from gexbench.engine.service import backends
from gexbench.engine.service.victim import open_victim, refuse_changed, try_foreign
from gexbench.errors import EndpointError, PlanError
from gexbench.record import Bill

from ..toy_orders import plan


class Recalled:
    """A backend that remembers what it was called with."""

    digest, latent_size = "", None

    def __init__(self, *arguments: object) -> None:
        self.arguments = arguments


def test_the_cards_backend_opens_it_with_all_that_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(backends.BACKENDS, "toy", f"{__name__}:Recalled")
    card = plan().victim.model_copy(update={"backend": "toy"})
    opened = open_victim(card, Path("files"), "digest", "cpu")
    assert isinstance(opened, Recalled)
    assert opened.arguments == (card, Path("files"), "digest", "cpu")
    try_foreign(opened, plan(), ())  # type: ignore[arg-type]


class Changed(Recalled):
    """A victim behind an address that answers otherwise than it did."""

    def watch(self) -> str:
        return "answers with 8 px"

    def bill(self) -> Bill:
        return Bill(calls=0, watched=0, tries=0, price=0.0, paid_usd=0.0)


@pytest.mark.parametrize(("known", "way"), [(True, "write a new card of it"), (False, "takes it as it is now")])
def test_a_victim_that_is_no_longer_what_it_was_is_refused_with_the_way_out(known: bool, way: str) -> None:
    card = plan().victim if known else plan().victim.model_copy(update={"weights": None})
    with pytest.raises(EndpointError, match="is no longer what it was: it answers with 8 px") as refused:
        refuse_changed(Changed(), card)  # type: ignore[arg-type]
    assert way in refused.value.hint
    refuse_changed(Recalled(), card)  # type: ignore[arg-type]


def test_what_draws_from_latents_of_unknown_length_cannot_be_tried() -> None:
    drawing = plan("latent-fidelity", "sngan")
    foreign = drawing.victim.model_copy(update={"backend": "onnx"})
    with pytest.raises(PlanError, match="does not say how long its latents are"):
        try_foreign(Recalled(), drawing.model_copy(update={"victim": foreign}), ())  # type: ignore[arg-type]
