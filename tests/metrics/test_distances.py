"""Distances among features: right whatever the blocks and wherever the features lie, and when two of them are equal."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gexbench.core.features import Rows
from gexbench.metrics import distances
from gexbench.metrics.distances import Cloud, clouds, neighbour, slack, squared


def rows(count: int, seed: int, far: float = 0.0, width: int = 6) -> Tensor:
    return far + torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def cloud(points: Tensor) -> Cloud:
    return clouds(Rows(points), Rows(points))[0]


def by_hand(points: Tensor, k: int) -> Tensor:
    """Return the squared distance of each point to its k-th nearest other one."""
    apart = (points[:, None].double() - points[None].double()).square().sum(dim=2)
    return apart.fill_diagonal_(torch.inf).sort(dim=1).values[:, k - 1]


@pytest.mark.parametrize("block", [1, 4, 19, 20, 1024])
@pytest.mark.parametrize("k", [1, 3, 19])
def test_the_kth_neighbour_is_found_over_blocks_of_any_size(
    block: int, k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distances, "BLOCK", block)
    points = rows(20, 0)
    assert torch.allclose(neighbour(cloud(points), k).squared, by_hand(points, k), rtol=1e-12)


def test_features_far_from_zero_lose_no_digits() -> None:
    points = rows(50, 0, far=1e5, width=500)
    assert torch.allclose(neighbour(cloud(points), 3).squared, by_hand(points, 3), rtol=1e-9)


def test_both_clouds_are_seen_from_one_point_amid_the_reference() -> None:
    images, reference = clouds(Rows(rows(7, 0)), Rows(rows(9, 1, far=3.0)))
    assert torch.equal(images.origin, reference.origin)
    assert torch.allclose(reference.origin, rows(9, 1, far=3.0).double().mean(dim=0))
    (one,), (other,) = images.blocks(), reference.blocks()
    wanted = torch.cdist(rows(7, 0).double(), rows(9, 1, far=3.0).double()).square()
    assert torch.allclose(squared(one, other), wanted, rtol=1e-12)


def test_a_copy_is_within_the_slack_and_the_next_float32_is_not() -> None:
    points = rows(50, 0, far=100.0, width=500)
    nudged = torch.nextafter(points, torch.full_like(points, torch.inf))
    for others, equal in ((points, 50), (nudged, 0)):
        (mine,), (theirs,) = (part.blocks() for part in clouds(Rows(points), Rows(others)))
        apart = squared(mine, theirs).diagonal()
        assert int((apart.abs() <= slack(mine.lengths, apart)).sum()) == equal


def test_a_set_of_k_images_has_no_kth_neighbour() -> None:
    with pytest.raises(ValueError, match="a set has 3 images; a 3-th nearest neighbour needs 4 or more"):
        neighbour(cloud(rows(3, 0)), 3)
