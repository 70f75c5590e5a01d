"""Draws from sets and the errors that they tell: known cases, coverage, and independence of orders."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from gexbench.core.draws import FEWER, MANY, SAMPLES, Drawn, deviation, draw, halves, standard_error
from gexbench.core.features import Features, Rows


class Lotted(Rows):
    """Rows whose images have lots of their own."""

    def __init__(self, rows: Tensor, lots: Tensor) -> None:
        super().__init__(rows)
        self._lots = lots

    @property
    def lots(self) -> Tensor:
        return self._lots


def _rows(count: int, seed: int = 0, shift: float = 0.0) -> Tensor:
    return shift + torch.randn(count, 3, generator=torch.Generator().manual_seed(seed))


def _lots(count: int, seed: int = 0) -> Tensor:
    return torch.randint(-(2**62), 2**62, (count,), generator=torch.Generator().manual_seed(seed))


def _mean(images: Features, *others: Features) -> float:
    return float(images.rows(slice(None))[:, 0].double().mean())


def _gap(images: Features, reference: Features) -> float:
    return _mean(images) - _mean(reference)


def test_a_draw_holds_no_image_twice_and_each_about_equally_often() -> None:
    counts = torch.zeros(40)
    for seed in range(2000):
        drawn = draw(_lots(40), 10, seed)
        assert drawn.tolist() == sorted(set(drawn.tolist()))
        counts[drawn] += 1
    assert counts.min() > 430
    assert counts.max() < 570


@pytest.mark.parametrize("lots", [torch.arange(40), _lots(40)])
def test_two_seeds_draw_independently(lots: Tensor) -> None:
    shared = [len(set(draw(lots, 20, seed).tolist()) & set(draw(lots, 20, seed + 1).tolist())) for seed in range(500)]
    assert 9.7 < np.mean(shared) < 10.3


def test_who_is_drawn_follows_the_lots_into_any_order() -> None:
    lots, turned = _lots(30), torch.randperm(30, generator=torch.Generator().manual_seed(1))
    first, second = draw(lots, 12, 5), draw(lots[turned], 12, 5)
    assert set(lots[first].tolist()) == set(lots[turned][second].tolist())


def test_one_changed_image_takes_one_place_of_a_draw_at_most() -> None:
    lots = _lots(30)
    for seed in range(50):
        changed = lots.clone()
        changed[7] = 99 + seed
        before, after = (set(each[draw(each, 15, seed)].tolist()) for each in (lots, changed))
        assert len(before - after) <= 1


def test_the_error_of_a_mean_is_its_deviation_over_the_root_of_the_count() -> None:
    found, wanted = [], []
    for seed in range(60):
        rows = _rows(100, seed)
        found.append(standard_error(_mean, [Rows(rows)], None))
        wanted.append(float(rows[:, 0].double().std()) / 10.0)
    assert np.mean(np.array(found) ** 2) == pytest.approx(np.mean(np.array(wanted) ** 2), rel=0.1)


def test_the_error_of_a_difference_holds_both_sides() -> None:
    found = [standard_error(_gap, [Rows(_rows(100, s)), Rows(_rows(50, 500 + s))], None) or 0.0 for s in range(60)]
    assert np.mean(np.square(found)) == pytest.approx(1 / 100 + 1 / 50, rel=0.15)


def test_pairs_are_drawn_together_so_that_what_they_share_is_no_error() -> None:
    rows, order = _rows(100), torch.randperm(100, generator=torch.Generator().manual_seed(2))
    sides = [Rows(rows), Rows(rows[order])]
    assert standard_error(_gap, sides, order.argsort()) == pytest.approx(0.0, abs=1e-6)
    apart = standard_error(_gap, sides, None)
    assert apart is not None
    assert apart > 0.1


def test_without_partners_the_halves_of_one_set_on_both_sides_are_drawn_independently() -> None:
    one = Rows(_rows(100))
    found = standard_error(_gap, [one, one], None)
    assert found == pytest.approx((2 / 100) ** 0.5, rel=0.5)


def test_the_error_is_the_same_under_any_order_of_images() -> None:
    rows, lots = _rows(60), _lots(60)
    turned = torch.randperm(60, generator=torch.Generator().manual_seed(3))
    one = standard_error(_mean, [Lotted(rows, lots)], None)
    assert one == pytest.approx(standard_error(_mean, [Lotted(rows[turned], lots[turned])], None), rel=1e-6)


def test_pairs_follow_the_lots_of_the_reference_whichever_images_stand_against_them() -> None:
    reference, partner = Lotted(_rows(20), _lots(20)), torch.arange(20).flip(0)
    drawn = [list(halves([Lotted(_rows(20, s), _lots(20, s)), reference], partner)) for s in (5, 6)]
    for (a, b), (c, d) in zip(*drawn, strict=True):
        assert torch.equal(a, c)
        assert torch.equal(b, d)
        assert torch.equal(b, partner[a])


def test_large_sets_have_fewer_half_samples() -> None:
    few, many = (Rows(torch.zeros(count, 1)) for count in (MANY, MANY + 1))
    assert [len(list(halves([few, side], None))) for side in (few, many)] == [SAMPLES, FEWER]


def test_halves_that_are_too_small_leave_no_error() -> None:
    def needy(images: Features) -> float:
        if images.shape[0] < 10:
            raise ValueError("too few")
        return 0.0

    assert standard_error(needy, [Rows(_rows(19))], None) is None
    assert standard_error(needy, [Rows(_rows(20))], None) == 0.0


@pytest.mark.parametrize("values", [[], [1.0], [1.0, float("inf")], [float("nan"), 1.0]])
def test_what_has_no_deviation_has_none(values: list[float]) -> None:
    assert deviation(values) is None


def test_drawn_images_keep_their_lots() -> None:
    assert Drawn(Lotted(_rows(5), _lots(5)), torch.tensor([3, 1])).lots.tolist() == _lots(5)[[3, 1]].tolist()
