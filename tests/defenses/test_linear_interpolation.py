"""Latents between anchors."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from gexbench.core.defense import History
from gexbench.defenses.linear_interpolation import LinearInterpolation, _anchors

KEY = bytes(range(32))


def _fed(count: int, anchors: int, key: bytes = KEY, first: int = 0) -> Tensor:
    defense = LinearInterpolation({"anchors": anchors})
    defense.key = key
    z = torch.randn(count, 32, generator=torch.Generator().manual_seed(9))
    histories = (History(i, torch.Generator().manual_seed(first + i)) for i in range(count))
    return torch.cat([defense.guard_latent(z[i : i + 1], history) for i, history in enumerate(histories)])


@pytest.mark.parametrize("anchors", [2, 4])
def test_every_latent_lies_on_a_ray_through_a_segment_and_is_as_long_as_the_anchors(anchors: int) -> None:
    ends, fed = _anchors(KEY, anchors, 32), _fed(40, anchors)
    seen = set()
    for z in fed:
        for a, b in itertools.combinations(range(anchors), 2):
            parts = torch.linalg.lstsq(ends[[a, b]].T, z[:, None]).solution[:, 0]
            if torch.allclose(parts @ ends[[a, b]], z, atol=1e-4) and parts.min() >= -1e-5:
                seen.add((a, b))
                low, high = sorted(float(ends[end].norm()) for end in (a, b))
                assert low - 1e-4 <= float(z.norm()) <= high + 1e-4
                break
        else:
            pytest.fail("a latent lies between no two anchors")
    assert len(seen) == anchors * (anchors - 1) // 2


def test_fewer_anchors_leave_fewer_directions() -> None:
    ranks = [int(torch.linalg.matrix_rank(_fed(64, anchors), rtol=1e-4)) for anchors in (2, 4, 16)]
    assert ranks == [2, 4, 16]


def test_the_same_question_gets_the_same_latent_and_another_gets_another() -> None:
    assert torch.equal(_fed(5, 8), _fed(5, 8))
    assert not torch.equal(_fed(5, 8), _fed(5, 8, first=100))


def test_another_key_has_other_anchors() -> None:
    assert not torch.allclose(_anchors(KEY, 4, 32), _anchors(KEY[::-1], 4, 32))
