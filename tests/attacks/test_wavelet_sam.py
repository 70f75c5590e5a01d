"""The attack that minds high frequencies and takes sharpness-aware steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training_factory import equal

from gexbench.attacks.pix2pix import Pix2Pix
from gexbench.attacks.wavelet_sam import WaveletSAM
from gexbench.core.attack import Brief

from .test_pix2pix import OPTIONS
from .translation import TranslationDoor, identity_error, translation_brief, unseen_error


def brief(workdir: Path, **changes: Any) -> Brief:
    return translation_brief(workdir, **{**OPTIONS, "wavelet_weight": 0.15, "sam_rho": 0.05, **changes})


def test_it_comes_closer_than_the_identity_on_photos_it_never_asked_about(tmp_path: Path) -> None:
    net = WaveletSAM().extract(TranslationDoor(12), brief(tmp_path, steps=150))
    assert unseen_error(net) < 0.2 * identity_error()


def test_it_asks_the_whole_budget(tmp_path: Path) -> None:
    door = TranslationDoor(12)
    WaveletSAM().extract(door, brief(tmp_path))
    assert door.remaining == 0


def test_without_its_two_terms_it_is_pix2pix(tmp_path: Path) -> None:
    bare = WaveletSAM().extract(TranslationDoor(12), brief(tmp_path / "a", wavelet_weight=0.0, sam_rho=0.0))
    assert equal(bare, Pix2Pix().extract(TranslationDoor(12), translation_brief(tmp_path / "b", **OPTIONS)))


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    one, other = (WaveletSAM().extract(TranslationDoor(12), brief(tmp_path / name)) for name in "ab")
    assert equal(one, other)
