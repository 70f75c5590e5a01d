"""The attack that cleans answers with a denoiser of its own before it learns from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from torch import Tensor
from training_factory import equal

from gexbench.attacks import denoise_then_steal
from gexbench.attacks.denoise_then_steal import DenoiseThenSteal
from gexbench.attacks.pix2pix import Pix2Pix
from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import AttackCard
from gexbench.core.attack import Brief

from .test_pix2pix import OPTIONS
from .translation import TranslationDoor, identity_error, translation_brief, unseen_error


def brief(workdir: Path, **changes: Any) -> Brief:
    return translation_brief(workdir, **{"denoiser_steps": 2, **OPTIONS, **changes})


def test_it_comes_closer_than_the_identity_and_asks_the_whole_budget(tmp_path: Path) -> None:
    door = TranslationDoor(12)
    net = DenoiseThenSteal().extract(door, brief(tmp_path, denoiser_steps=20, steps=60))
    assert door.remaining == 0
    assert unseen_error(net) < 0.6 * identity_error()


def test_with_a_denoiser_that_changes_nothing_it_is_pix2pix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unchanged(net: object, images: list[Tensor], context: object) -> list[Tensor]:
        return images

    asked = translation_brief(tmp_path / "a", **OPTIONS)
    plain = Pix2Pix().extract(TranslationDoor(12), asked)
    cleaned = DenoiseThenSteal().extract(TranslationDoor(12), brief(tmp_path / "b"))
    monkeypatch.setattr(denoise_then_steal, "cleaned", unchanged)
    same = DenoiseThenSteal().extract(TranslationDoor(12), brief(tmp_path / "c"))
    assert equal(plain, same)
    assert not equal(plain, cleaned)


def test_its_card_is_pix2pixs_but_for_the_denoiser() -> None:
    one, other = (Catalog.load().get(AttackCard, name) for name in ("denoise-then-steal", "pix2pix"))
    assert {key: value for key, value in one.options.items() if key != "denoiser_steps"} == other.options
    for profile, values in other.profile.items():
        assert {key: value for key, value in one.profile[profile].items() if key != "denoiser_steps"} == values
