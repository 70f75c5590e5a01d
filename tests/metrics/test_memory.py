"""The memorisation check: about 1 for a replayer, about one half for who only learned the distribution."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from gexbench.core.features import Rows
from gexbench.errors import CardError
from gexbench.metrics import distances
from gexbench.metrics.memory import Memorisation, memorised

METRIC = Memorisation({"least": 100, "precision": "float64"}, {})


def _set(count: int, seed: int, width: int = 12) -> Tensor:
    return 50.0 + torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def _line(*places: float) -> Rows:
    return Rows(torch.tensor(places)[:, None])


def test_points_on_a_line_are_counted_by_hand() -> None:
    # 0.1 is nearest to 0, queried; 2.9 to 3 and 9 to 7, not queried; 1.5 lies halfway.
    assert memorised(_line(0.1, 2.9, 9.0, 1.5), _line(0.0, 5.0), _line(3.0, 7.0)) == 1.5 / 4


def test_a_replayer_is_found() -> None:
    queried, others = _set(300, 1), _set(300, 2)
    assert METRIC.measure(Rows(queried[:200]), Rows(queried), Rows(others)) == 1.0
    nearly = queried[:200] + 0.05 * torch.randn(200, 12, generator=torch.Generator().manual_seed(3))
    assert METRIC.measure(Rows(nearly), Rows(queried), Rows(others)) > 0.99


def test_half_a_replayer_is_half_found() -> None:
    queried = _set(400, 1)
    images = torch.cat([queried[:200], _set(200, 4)])
    assert METRIC.measure(Rows(images), Rows(queried), Rows(_set(400, 2))) == pytest.approx(0.75, abs=0.04)


def test_fresh_images_are_as_near_to_what_was_queried_as_to_what_was_not() -> None:
    scores = [METRIC.measure(Rows(_set(500, s)), Rows(_set(500, s + 50)), Rows(_set(500, s + 90))) for s in range(8)]
    assert np.mean(scores) == pytest.approx(0.5, abs=0.02)
    assert np.abs(np.array(scores) - 0.5).max() < 0.08


def test_who_replays_what_was_never_queried_is_as_far_from_chance() -> None:
    others = _set(200, 2)
    assert memorised(Rows(others), Rows(_set(200, 1)), Rows(others)) == 0.0


def test_a_service_that_draws_one_image_only_says_nothing() -> None:
    one = Rows(torch.ones(120, 5))
    assert METRIC.measure(one, one, one) == 0.5


@pytest.mark.parametrize("block", [1, 7, 89])
def test_blocks_of_any_size_give_one_number(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sets = [Rows(_set(90, seed)) for seed in range(3)]
    whole = memorised(*sets)
    monkeypatch.setattr(distances, "BLOCK", block)
    assert memorised(*sets) == whole


@pytest.mark.parametrize(
    ("queried", "drawn", "why"),
    [
        (99, 200, "the run queried 99 images; this metric needs 100 or more"),
        (200, 99, "the surrogate drew 99 images"),
    ],
)
def test_too_few_images_give_no_number(queried: int, drawn: int, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        METRIC.measure(Rows(_set(drawn, 0)), Rows(_set(queried, 1)), Rows(_set(queried, 2)))


def test_sets_of_two_sizes_are_not_weighed() -> None:
    with pytest.raises(ValueError, match="100 queried images against 101 others"):
        METRIC.measure(Rows(_set(100, 0)), Rows(_set(100, 1)), Rows(_set(101, 2)))


def test_a_count_below_one_is_refused() -> None:
    with pytest.raises(CardError, match=r"settings\.least = 0"):
        Memorisation({"least": 0}, {})
