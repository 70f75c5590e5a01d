"""A foreign victim is tried on what it will be asked before the first question."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from own_victim_factory import Draw, Enlarge, card_of, save_script

from gexbench.engine.kinds.image_to_image import pattern
from gexbench.engine.kinds.kind import Tried
from gexbench.engine.service.signature import check_signature
from gexbench.engine.service.torchscript_victim import TorchScriptVictim
from gexbench.errors import PlanError


def opened(file: Path, kind: str = "image-to-image", **fields: object) -> TorchScriptVictim:
    card = card_of(file, kind, **fields)
    assert card.weights is not None
    return TorchScriptVictim(card, file, card.weights.sha256, "cpu")


def images(*sizes: tuple[int, int]) -> list[Tried]:
    return [Tried(pattern(h, w), (4 * h, 4 * w)) for h, w in sizes]


def test_what_answers_as_its_card_says_passes(tmp_path: Path) -> None:
    check_signature(opened(save_script(Enlarge(), tmp_path / "net.pt")), images((24, 24), (7, 33)))
    signed = opened(save_script(Enlarge(2.0, -1.0), tmp_path / "signed.pt"), net={"gives": (-1, 1)})
    check_signature(signed, images((24, 24)))
    draws = opened(save_script(Draw(), tmp_path / "draw.pt"), "sampling")
    check_signature(draws, [Tried(torch.randn(1, 6), (32, 32))])


@pytest.mark.parametrize(("gain", "shift"), [(2.0, -1.0), (255.0, 0.0), (1.0, 0.3), (1.0, -0.3)])
def test_answers_of_another_range_are_refused(gain: float, shift: float, tmp_path: Path) -> None:
    victim = opened(save_script(Enlarge(gain, shift), tmp_path / "net.pt"))
    with pytest.raises(PlanError, match=r"answers with values from .* to .*, not from 0 to 1") as refused:
        check_signature(victim, images((24, 24)))
    assert "gives = [0, 1]" in refused.value.hint


def test_another_scale_than_the_cards_is_refused(tmp_path: Path) -> None:
    victim = opened(save_script(Enlarge(), tmp_path / "net.pt"), scale=2)
    with pytest.raises(PlanError, match=r"answered \(1, 3, 24, 24\) with \(1, 3, 96, 96\), not \(1, 3, 48, 48\)"):
        check_signature(victim, images((24, 24)))


def test_drawn_images_of_another_size_than_the_tasks_are_refused(tmp_path: Path) -> None:
    victim = opened(save_script(Draw(), tmp_path / "net.pt"), "sampling")
    with pytest.raises(PlanError, match="draws images of 32 x 32, and this task has 64 x 64"):
        check_signature(victim, [Tried(torch.randn(1, 6), (64, 64))])


def test_what_is_tried_goes_from_black_to_white() -> None:
    image = pattern(20, 30)
    assert tuple(image.shape) == (1, 3, 20, 30)
    assert (float(image.min()) < 0.1, float(image.max()) > 0.9) == (True, True)
    assert torch.equal(image, pattern(20, 30))
