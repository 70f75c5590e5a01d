"""The attack that asks once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from training_factory import equal

from gexbench.attacks.single_pair import SinglePair, busiest
from gexbench.core.attack import Brief

from .conftest import photos
from .translation import TranslationDoor, identity_error, translation_brief, unseen_error

OPTIONS: dict[str, Any] = {
    "layers": 3,
    "channels": 16,
    "steps": 200,
    "batch": 4,
    "patch": 12,
    "lr": 5e-3,
    "augment": ("flip",),
}


def brief(workdir: Path, **changes: Any) -> Brief:
    return translation_brief(workdir, **{**OPTIONS, "steps": 2, **changes})


def test_one_answer_brings_it_closer_to_the_service_than_doing_nothing(tmp_path: Path) -> None:
    net = SinglePair().extract(TranslationDoor(12), brief(tmp_path, steps=200))
    assert unseen_error(net) < 0.2 * identity_error()


def test_it_asks_once_about_the_image_of_most_contrast_and_leaves_the_rest(tmp_path: Path) -> None:
    door, here = TranslationDoor(12), brief(tmp_path)
    SinglePair().extract(door, here)
    wanted = max(here.pool, key=lambda image: float(image.std()))
    assert door.remaining == 11
    assert [torch.equal(image, wanted) for image in door.asked] == [True]


def test_it_looks_at_thirty_two_random_images_of_a_larger_pool(tmp_path: Path) -> None:
    pool = [photo * (0.1 + 0.01 * place) for place, photo in enumerate(photos(80, 0))]
    here = replace(brief(tmp_path), pool=pool)
    found = [busiest(replace(here, seed=seed)) for seed in range(4)]
    assert len(set(found)) > 1
    assert min(found) > 40


def test_it_reports_what_it_asked(tmp_path: Path) -> None:
    attack, here = SinglePair(), brief(tmp_path)
    attack.extract(TranslationDoor(12), here)
    index = busiest(here)
    assert attack.report["question"] == index
    assert attack.report["deviation"] == pytest.approx(float(here.pool[index].std()))
    assert attack.report["receptive_field"] == 7


def test_the_seed_alone_decides_the_surrogate(tmp_path: Path) -> None:
    nets = []
    for folder, seed in (("a", 0), ("b", 0), ("c", 1)):
        here = replace(brief(tmp_path / folder, augment=("flip", "rotation", "cutout", "contrast")), seed=seed)
        nets.append(SinglePair().extract(TranslationDoor(12), here))
    assert equal(nets[0], nets[1])
    assert not equal(nets[0], nets[2])


def test_first_weights_follow_the_seed(tmp_path: Path) -> None:
    briefs = [replace(brief(tmp_path / str(seed), lr=0.0), seed=seed) for seed in (0, 1)]
    one, other = (SinglePair().extract(TranslationDoor(12), here) for here in briefs)
    assert not equal(one, other)


def test_the_surrogate_answers_in_range_at_any_size(tmp_path: Path) -> None:
    net = SinglePair().extract(TranslationDoor(12), brief(tmp_path))
    made = net(torch.rand(1, 3, 7, 13, generator=torch.Generator().manual_seed(2)).round()).detach()
    assert made.shape == (1, 3, 7, 13)
    assert 0.0 <= float(made.min()) < float(made.max()) <= 1.0
