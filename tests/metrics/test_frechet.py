"""The Frechet distance: by hand, against SciPy's matrix root, and on sets that have no full covariance."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor

from gexbench.core.features import Moments, Rows
from gexbench.errors import CardError
from gexbench.metrics.frechet import Frechet, frechet_distance, frechet_low_rank

FID = Frechet({"precision": "float64"}, {})


def _set(count: int, width: int = 24, seed: int = 0, shift: float = 0.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixed = torch.randn(count, width, generator=generator) @ torch.randn(width, width, generator=generator)
    return shift + mixed / width**0.5


def _by_scipy(a: Tensor, b: Tensor) -> float:
    x, y = a.double().numpy(), b.double().numpy()
    first, second = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(first @ second).real
    shift = x.mean(axis=0) - y.mean(axis=0)
    return float(shift @ shift + np.trace(first) + np.trace(second) - 2.0 * np.trace(root))


def test_one_number_a_row_is_the_formula_by_hand() -> None:
    a, b = torch.tensor([[0.0], [2.0]]), torch.tensor([[5.0], [13.0]])
    by_hand = (9.0 - 1.0) ** 2 + (32.0**0.5 - 2.0**0.5) ** 2
    assert FID.measure(Rows(a), Rows(b)) == pytest.approx(by_hand, rel=1e-12)
    assert frechet_low_rank(Rows(a), Rows(b)) == pytest.approx(by_hand, rel=1e-12)


def test_many_images_score_as_scipys_root_says() -> None:
    a, b = _set(200, seed=1), _set(150, seed=2, shift=0.3)
    assert FID.measure(Rows(a), Rows(b)) == pytest.approx(_by_scipy(a, b), rel=1e-9)


def test_moments_and_rows_give_one_number() -> None:
    a, b = Rows(_set(200, seed=1)), Rows(_set(150, seed=2, shift=0.3))
    assert frechet_low_rank(a, b) == pytest.approx(frechet_distance(a.moments, b.moments), rel=1e-11)


@pytest.mark.parametrize(("first", "second"), [(10, 15), (10, 200), (200, 10), (24, 24), (25, 24)])
def test_few_images_score_exactly_on_either_side(first: int, second: int) -> None:
    a, b = _set(first, seed=1), _set(second, seed=2, shift=0.3)
    score = FID.measure(Rows(a), Rows(b))
    # SciPy's root of a singular product is good to half the digits.
    assert score == pytest.approx(_by_scipy(a, b), rel=1e-5)
    assert score == pytest.approx(frechet_distance(Moments.of(a), Moments.of(b)), rel=1e-9)
    assert score == pytest.approx(FID.measure(Rows(b), Rows(a)), rel=1e-11)


def test_few_images_score_as_in_the_plane_they_span() -> None:
    a, b = _set(40, width=3, seed=1).double(), _set(30, width=3, seed=2, shift=0.5).double()
    turn = torch.linalg.qr(torch.randn(100, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)).Q
    high = [Rows(x @ turn.T) for x in (a, b)]
    assert FID.measure(*high) == pytest.approx(FID.measure(Rows(a), Rows(b)), rel=1e-12)
    assert frechet_distance(high[0].moments, high[1].moments) == pytest.approx(_by_scipy(a, b), rel=1e-12)


@pytest.mark.parametrize("count", [2, 20, 24, 25, 300])
def test_a_set_against_itself_is_at_distance_0(count: int) -> None:
    rows = _set(count, shift=3.0)
    assert 0.0 <= FID.measure(Rows(rows), Rows(rows.flip(0))) < 1e-6
    assert 0.0 <= frechet_distance(Moments.of(rows), Moments.of(rows)) < 1e-6


def test_features_that_never_vary_or_stand_twice_cost_no_digit() -> None:
    a, b = _set(200, seed=1), _set(150, seed=2, shift=0.3)
    dead = [torch.cat([x, torch.full((len(x), 8), 0.7), x[:, :4]], dim=1) for x in (a, b)]
    live = [torch.cat([x[:, :4].double() * 2**0.5, x[:, 4:]], dim=1) for x in (a, b)]
    assert FID.measure(Rows(dead[0]), Rows(dead[1])) == pytest.approx(_by_scipy(live[0], live[1]), rel=1e-9)


@pytest.mark.parametrize("seed", [10, 188, 194, 266])
def test_a_direction_that_rounding_alone_fills_costs_no_digit(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    torch.randn(64, 64, generator=generator, dtype=torch.float64)
    a, b = (torch.randn(200, 63, generator=generator, dtype=torch.float64) for _ in range(2))
    turn = torch.linalg.qr(torch.randn(64, 64, generator=generator, dtype=torch.float64)).Q[:63]
    flat = frechet_distance(Moments.of(a), Moments.of(b))
    assert frechet_distance(Moments.of(a @ turn), Moments.of(b @ turn)) == pytest.approx(flat, rel=1e-11)


def test_equal_images_are_at_the_distance_of_their_means() -> None:
    a, b = torch.full((50, 6), 0.25), torch.full((30, 6), 0.75)
    assert FID.measure(Rows(a), Rows(b)) == pytest.approx(6 * 0.25, rel=1e-12)
    assert FID.measure(Rows(a), Rows(a)) == 0.0


def test_equal_images_against_varied_ones_add_their_variance() -> None:
    varied, equal = _set(200), torch.zeros(30, 24)
    moments = Moments.of(varied)
    by_hand = float(moments.mean.square().sum() + moments.covariance().trace())
    assert FID.measure(Rows(varied), Rows(equal)) == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize("count", [15, 200])
def test_the_order_of_rows_changes_nothing(count: int) -> None:
    a, b = _set(count, seed=1), _set(count, seed=2)
    shuffled = a[torch.randperm(count, generator=torch.Generator().manual_seed(4))]
    assert FID.measure(Rows(shuffled), Rows(b)) == pytest.approx(FID.measure(Rows(a), Rows(b)), rel=1e-10)


def test_more_noise_is_farther() -> None:
    reference = _set(200, seed=1)
    noise = torch.randn(reference.shape, generator=torch.Generator().manual_seed(5))
    scores = [FID.measure(Rows(reference + much * noise), Rows(reference)) for much in (0.0, 0.1, 0.5, 2.0)]
    assert scores == sorted(scores)
    assert len(set(scores)) == 4


@pytest.mark.parametrize(("first", "second"), [(1, 50), (50, 1), (1, 1)])
def test_one_image_is_refused(first: int, second: int) -> None:
    with pytest.raises(ValueError, match="needs 2 or more"):
        FID.measure(Rows(_set(first)), Rows(_set(second)))
    with pytest.raises(ValueError, match="two images or more"):
        frechet_low_rank(Rows(_set(first)), Rows(_set(second)))
    with pytest.raises(ValueError, match="two images or more"):
        frechet_distance(Moments.of(_set(first)), Moments.of(_set(second)))


def test_features_of_different_networks_are_refused() -> None:
    with pytest.raises(ValueError, match="24 numbers with features of 6"):
        FID.measure(Rows(_set(50)), Rows(_set(50, width=6)))


def test_settings_it_does_not_have_are_refused() -> None:
    with pytest.raises(CardError, match=r"settings\.eps"):
        Frechet({"eps": 1e-6}, {})
