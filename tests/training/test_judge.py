"""A discriminator fitted afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gexbench.core.images import from_uint8
from gexbench.training import judge, patches
from gexbench.training.judge import fit_judge
from gexbench.training.loop import TrainingContext


def _images(bright: bool) -> list[Tensor]:
    generator = torch.Generator().manual_seed(int(bright))
    noise = torch.randint(0, 256, (6, 3, 24, 24), dtype=torch.uint8, generator=generator)
    rough = noise if bright else noise[:, :, ::4, ::4].repeat_interleave(4, 2).repeat_interleave(4, 3)
    return list(rough)


def _context(folder: Path) -> TrainingContext:
    return TrainingContext(torch.device("cpu"), "fp32", 3, folder, lambda what, done, total: None)


def test_it_tells_real_images_from_made_ones_with_logits_on_both_sides_of_0(tmp_path: Path) -> None:
    net = fit_judge(_images(True), _images(False), 12, _context(tmp_path))
    real, made = (from_uint8(torch.stack(_images(bright))) for bright in (True, False))
    assert net(real).mean() > 0 > net(made).mean()


def test_a_training_that_was_killed_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    def weights(folder: str, steps: int) -> Tensor:
        net = fit_judge(_images(True), _images(False), steps, _context(tmp_path / folder))
        return torch.cat([weight.detach().flatten() for weight in net.parameters()])

    assert torch.equal(weights("one", 4), weights("two", 4))
    assert torch.equal(weights("one", 4), weights("one", 4))  # from its checkpoint
    assert not torch.equal(weights("one", 4), weights("one", 3))


def test_crops_of_both_are_of_the_same_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []

    def drawn(images: Sequence[Tensor], side: int, count: int, chance: torch.Generator) -> Tensor:
        seen.append(patches.draw_crops(images, side, count, chance))
        return seen[-1]

    monkeypatch.setattr(judge, "draw_crops", drawn)
    images = list(torch.randint(0, 256, (6, 3, 90, 90), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)))
    fit_judge(images, images, 2, _context(tmp_path))
    first, second, third, fourth = seen
    assert torch.equal(first, second)
    assert torch.equal(third, fourth)
    assert not torch.equal(first, third)
