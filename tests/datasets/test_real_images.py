"""Sets of real images for services that draw: what every reader of such sets gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from gexbench.datasets.real_images import RealImages


@dataclass(frozen=True)
class Entry:
    """An image with a name alone."""

    name: str


class Reader(RealImages):
    """An image is as light as its name says."""

    def _images(self, split: str) -> Sequence[Tensor]:
        return [torch.full((3, 2, 2), float(name)) for name in self._names(split)]


def reader(**files: Sequence[str]) -> Reader:
    return Reader({split.replace("_", "/"): [Entry(name) for name in names] for split, names in files.items()})


def lights(images: Sequence[Tensor]) -> list[float]:
    return [float(image.mean()) for image in images]


def test_the_owner_has_images_and_no_style() -> None:
    found = reader(owner=["0.25", "0.5"], test_kept=["0.75"])
    assert lights(found.owner()) == [0.25, 0.5]
    assert len(found.style()) == 0


def test_held_back_images_are_the_truth_of_their_split_and_nobody_is_asked_about_them() -> None:
    tests = reader(owner=["0.25"], test_near=["0.5"], test_far=["0.75", "1.0"]).tests()
    assert {name: lights(split.truth) for name, split in tests.items()} == {"near": [0.5], "far": [0.75, 1.0]}
    assert all(len(split.inputs) == len(split.names) == 0 for split in tests.values())


@pytest.mark.parametrize(("files", "pool"), [({}, []), ({"pool": ["0.5", "0.125"]}, [0.5, 0.125])])
def test_an_attacker_owns_images_only_where_there_are_some(files: dict[str, list[str]], pool: list[float]) -> None:
    found = reader(owner=["0.25"], **files).pool()
    assert lights(found.inputs) == pool
    assert [float(name) for name in found.names] == pool
    assert len(found.truth) == 0
