"""A victim is opened through the backend that its card names."""

from __future__ import annotations

from pathlib import Path

import pytest

from gexbench.engine.service import backends
from gexbench.engine.service.victim import open_victim, try_foreign

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
    try_foreign(opened, ())  # type: ignore[arg-type]
