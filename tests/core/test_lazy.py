"""Images that are made when somebody looks at them."""

from __future__ import annotations

import pytest
import torch

from gexbench.core.lazy import Lazy


def test_an_image_is_made_when_it_is_indexed_and_not_before() -> None:
    made: list[int] = []

    def make(index: int) -> torch.Tensor:
        made.append(index)
        return torch.full((3, 1, 1), float(index))

    images = Lazy(4, make)
    assert len(images) == 4
    assert made == []
    assert float(images[2].mean()) == 2.0
    assert float(images[-1].mean()) == 3.0
    assert made == [2, 3]


def test_a_slice_is_a_list_that_can_be_stacked() -> None:
    images = Lazy(5, lambda index: torch.full((3, 2, 2), float(index)))
    assert torch.stack(images[3:0:-1])[:, 0, 0, 0].tolist() == [3.0, 2.0, 1.0]
    assert images[5:] == []


@pytest.mark.parametrize("index", [3, -4])
def test_there_is_no_image_beyond_the_ends(index: int) -> None:
    with pytest.raises(IndexError):
        Lazy(3, lambda place: torch.zeros(3, 1, 1))[index]
