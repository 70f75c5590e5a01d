"""Draws of sets."""

from __future__ import annotations

import pytest
import torch

from gexbench.core.draws import Drawn
from gexbench.core.features import Moments, Rows
from gexbench.metrics.sets import check_sizes, equal_sizes

ROWS = torch.arange(60, dtype=torch.float32).view(20, 3)


def test_drawn_rows_are_read_by_number_and_by_slice() -> None:
    drawn = Drawn(Rows(ROWS), torch.tensor([7, 2, 11]))
    assert drawn.shape == (3, 3)
    assert torch.equal(drawn.rows(torch.tensor([2, 0])), ROWS[[11, 7]])
    assert torch.equal(drawn.rows(slice(1, None)), ROWS[[2, 11]])
    assert torch.equal(drawn.moments.scatter, Moments.of(ROWS[[7, 2, 11]]).scatter)


def test_the_larger_set_loses_rows_and_the_smaller_one_none() -> None:
    large, small = Rows(ROWS), Rows(ROWS[:8])
    for images, reference in ((large, small), (small, large)):
        cut = equal_sizes(images, reference, seed=3)
        assert [features.shape for features in cut] == [(8, 3), (8, 3)]
    kept, drawn = equal_sizes(small, large, seed=3)
    assert kept is small
    places = (drawn.rows(slice(None))[:, 0] / 3).tolist()
    assert places == sorted(set(places))
    assert not torch.equal(drawn.rows(slice(None)), equal_sizes(small, large, seed=4)[1].rows(slice(None)))


def test_sets_too_small_name_the_side() -> None:
    with pytest.raises(ValueError, match="the reference set has 8; this metric needs 9 or more"):
        check_sizes(Rows(ROWS), Rows(ROWS[:8]), least=9)
    with pytest.raises(ValueError, match="the image set has 8"):
        check_sizes(Rows(ROWS[:8]), Rows(ROWS), least=9)
