"""The attack that fits an SRResNet to answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from training_factory import equal

from gexbench.attacks.bicubic import Bicubic
from gexbench.attacks.srresnet import SRResNetAttack
from gexbench.core.attack import Brief

from .conftest import Door


def quick(brief: Brief) -> Brief:
    return replace(brief, options={**brief.options, "steps": 2})


def test_it_beats_the_floor_that_asks_nothing(door: Door, brief: Brief, unseen: tuple[Tensor, Tensor]) -> None:
    x, y = unseen
    stolen, floor = (attack.extract(door, brief)(x).detach() for attack in (SRResNetAttack(), Bicubic()))
    assert float((stolen - y).square().mean()) < 0.6 * float((floor - y).square().mean())


def test_it_spends_the_whole_budget_on_different_images_of_the_pool(door: Door, brief: Brief) -> None:
    SRResNetAttack().extract(door, quick(brief))
    pool = {image.numpy().tobytes() for image in brief.pool}
    asked = [image.numpy().tobytes() for image in door.asked]
    assert door.remaining == 0
    assert len(set(asked)) == len(asked) == 12
    assert set(asked) <= pool


def test_it_asks_about_all_of_a_pool_smaller_than_the_budget(brief: Brief) -> None:
    door = Door(100)
    SRResNetAttack().extract(door, quick(brief))
    assert len(door.asked) == len(brief.pool)


def test_a_larger_budget_adds_to_the_questions_of_a_smaller_one(brief: Brief) -> None:
    small, large = Door(5), Door(9)
    for door in (small, large):
        SRResNetAttack().extract(door, quick(brief))
    known = [image.numpy().tobytes() for image in large.asked]
    assert [image.numpy().tobytes() for image in small.asked] == known[:5]


def test_images_of_mixed_sizes_are_asked_about(brief: Brief) -> None:
    door = Door(4)
    pool = [brief.pool[0], brief.pool[1][:, :9, :], brief.pool[2], brief.pool[3][:, :, :13]]
    SRResNetAttack().extract(door, replace(quick(brief), pool=pool))
    assert sorted(tuple(image.shape) for image in door.asked) == sorted(tuple(image.shape) for image in pool)


def test_the_seed_alone_decides_the_surrogate(brief: Brief, tmp_path: Path) -> None:
    nets = []
    for folder, seed in (("a", 0), ("b", 0), ("c", 1)):
        here = replace(quick(brief), seed=seed, workdir=tmp_path / folder)
        nets.append(SRResNetAttack().extract(Door(12), here))
    assert equal(nets[0], nets[1])
    assert not equal(nets[0], nets[2])


def test_the_surrogate_answers_in_range_without_the_oracle(door: Door, brief: Brief) -> None:
    net = SRResNetAttack().extract(door, quick(brief))
    made = net(torch.rand(1, 3, 7, 5, generator=torch.Generator().manual_seed(2))).detach()
    assert made.shape == (1, 3, 28, 20)
    assert made.dtype == torch.float32
    assert float(made.min()) >= 0.0
    assert float(made.max()) <= 1.0


def test_an_unknown_augmentation_is_refused(door: Door, brief: Brief) -> None:
    with pytest.raises(ValueError, match="mixup"):
        SRResNetAttack().extract(door, replace(brief, options={**brief.options, "augment": ("mixup",)}))


def test_large_images_are_asked_about_in_small_batches(brief: Brief) -> None:
    large, small = Door(4), Door(4)
    SRResNetAttack().extract(large, replace(quick(brief), pool=[torch.zeros(3, 300, 400)] * 4))
    SRResNetAttack().extract(small, quick(brief))
    assert large.batches == [2, 2]
    assert small.batches == [4]
