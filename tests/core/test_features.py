"""Moments: one shot, in chunks and merged, against NumPy; rows that are refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from gexbench.core.features import Moments, Rows


def _rows(count: int = 300, width: int = 7) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return 50.0 + torch.randn(count, width, generator=generator) @ torch.randn(width, width, generator=generator)


def _same(a: Moments, b: Moments) -> None:
    assert a.count == b.count
    torch.testing.assert_close(a.mean, b.mean, rtol=1e-12, atol=0.0)
    torch.testing.assert_close(a.scatter, b.scatter, rtol=1e-12, atol=1e-12 * float(b.scatter.abs().max()))


def test_moments_of_two_rows_are_those_by_hand() -> None:
    moments = Moments.of(torch.tensor([[0.0, 2.0], [4.0, 0.0]]))
    assert moments.mean.tolist() == [2.0, 1.0]
    assert moments.covariance().tolist() == [[8.0, -4.0], [-4.0, 2.0]]


def test_the_covariance_is_numpys() -> None:
    rows = _rows()
    theirs = np.cov(rows.double().numpy(), rowvar=False)
    np.testing.assert_allclose(Rows(rows).moments.covariance().numpy(), theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("size", [1, 2, 7, 150, 299, 300, 1000])
def test_chunks_of_any_size_give_what_one_shot_gives(size: int) -> None:
    rows = _rows()
    _same(Moments.of_chunks(rows.split(size)), Moments.of(rows))


def test_merged_in_any_order_they_are_the_same() -> None:
    rows = _rows()
    a, b, c = (Moments.of(part) for part in rows.split([1, 100, 199]))
    whole = Moments.of(rows)
    for merged in (a.merged(b).merged(c), c.merged(a).merged(b), a.merged(c.merged(b))):
        _same(merged, whole)


def test_shuffled_rows_have_the_same_moments() -> None:
    rows = _rows()
    shuffled = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(1))]
    _same(Rows(shuffled).moments, Rows(rows).moments)


def test_more_rows_than_a_chunk_give_what_one_shot_gives() -> None:
    rows = _rows(count=2500)
    _same(Rows(rows).moments, Moments.of(rows))


def test_rows_far_from_zero_keep_their_covariance() -> None:
    rows = torch.tensor([[1.0], [2.0], [3.0]], dtype=torch.float64) + 1e8
    assert Moments.of_chunks(rows.split(1)).covariance().item() == pytest.approx(1.0, abs=1e-12)


def test_one_row_has_a_mean_and_no_covariance() -> None:
    moments = Moments.of(torch.ones(1, 3))
    assert moments.mean.tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(ValueError, match="two images or more, got 1"):
        moments.covariance()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_rows_that_are_no_numbers_are_refused(value: float) -> None:
    rows = _rows()
    rows[4, 2] = value
    with pytest.raises(ValueError, match="NaN or infinite"):
        Rows(rows)


@pytest.mark.parametrize("rows", [torch.zeros(0, 4), torch.zeros(4), torch.zeros(2, 2, 2)])
def test_what_is_not_a_row_an_image_is_refused(rows: Tensor) -> None:
    with pytest.raises(ValueError, match="a row an image"):
        Rows(rows)


def test_rows_are_read_by_number_and_by_slice() -> None:
    rows = _rows()
    features = Rows(rows)
    assert features.shape == (300, 7)
    assert torch.equal(features.rows(torch.tensor([5, 1])), rows[[5, 1]])
    assert torch.equal(features.rows(slice(3, 6)), rows[3:6])
