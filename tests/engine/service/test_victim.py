"""A victim is opened through the backend that its card names."""

from __future__ import annotations

from pathlib import Path

import pytest

from gexbench.engine.service import backends
from gexbench.engine.service.victim import open_victim, try_foreign
from gexbench.errors import PlanError

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


def test_what_draws_from_latents_of_unknown_length_cannot_be_tried() -> None:
    drawing = plan("latent-fidelity", "sngan")
    foreign = drawing.victim.model_copy(update={"backend": "onnx"})
    with pytest.raises(PlanError, match="does not say how long its latents are"):
        try_foreign(Recalled(), drawing.model_copy(update={"victim": foreign}), ())  # type: ignore[arg-type]
