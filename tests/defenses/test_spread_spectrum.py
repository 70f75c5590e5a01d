"""The spread-spectrum mark."""

from __future__ import annotations

import math
import statistics

import pytest
import torch
from owner_factory import guarded, key_of, noisy, options_of, refuses, scenes, trial_of
from torch import Tensor

from gexbench.core.defense import Trial
from gexbench.core.marks import normal_tail
from gexbench.defenses.spread_spectrum import BANDS, SpreadSpectrum
from gexbench.errors import GexbenchError


def _mark(strength: float = 1.5, key: int = 0) -> SpreadSpectrum:
    mark = SpreadSpectrum({"strength": strength})
    mark.key = key_of(key)
    return mark


def _added(mark: SpreadSpectrum, side: int = 64) -> Tensor:
    grey = torch.full((3, side, side), 0.5)
    return (guarded(mark, [grey], [grey])[0] - grey).double() * 255


def test_each_band_has_the_strength_asked_for_and_nothing_lies_beside_them() -> None:
    spectrum = torch.fft.fft2(_added(_mark(1.5)))
    rows = torch.fft.fftfreq(64, 1 / 64)
    cycles = torch.hypot(rows[:, None], rows[None, :])
    inside = torch.zeros(64, 64, dtype=torch.bool)
    for low, high in BANDS.values():
        band = (cycles >= low) & (cycles < high)
        assert torch.fft.ifft2(spectrum * band).real.square().mean().sqrt().item() == pytest.approx(1.5, rel=1e-4)
        inside |= band
    assert (spectrum * ~inside).abs().amax() < 1e-2 * spectrum.abs().amax()


def test_the_mark_is_in_marked_answers_and_not_in_plain_ones() -> None:
    mark, images = _mark(), scenes(4)
    found = mark.claim(guarded(mark, images, images), trial_of(images))
    assert found.score > 6
    assert found.p is not None
    assert found.p < 1e-9
    plain = mark.claim(images, trial_of(images))
    assert (plain.score, plain.p) == (0.0, 0.5)


def test_the_mark_is_found_below_a_copys_own_mistakes_and_whatever_sizes_answers_have() -> None:
    mark, images = _mark(), [*scenes(24), *scenes(24, 24, 40, seed=1)]
    copied = noisy(guarded(mark, images, images), 8 / 255, seed=2)
    assert mark.claim(copied, trial_of(images)).score > 6


def test_another_key_finds_nothing() -> None:
    images = scenes(4)
    marked = guarded(_mark(), images, images)
    assert abs(_mark(key=1).claim(marked, trial_of(images)).score) < 3


def test_a_key_alarms_as_seldom_as_it_says_even_on_answers_with_another_mark() -> None:
    images = scenes(4)
    suspects = [noisy(images, 0.05, 1), [0.9 * image for image in images], guarded(_mark(key=9999), images, images)]
    for suspect in suspects:
        found = [_mark(key=key).claim(suspect, trial_of(images)) for key in range(100)]
        scores = [each.score for each in found]
        assert abs(statistics.mean(scores)) < 4 / math.sqrt(100)
        assert statistics.stdev(scores) == pytest.approx(1.0, abs=0.25)
        assert sum(each.p is not None and each.p <= 0.05 for each in found) <= 13
        assert all(each.p == normal_tail(each.score) for each in found)


def test_a_service_that_draws_is_known_by_its_mean_image() -> None:
    mark, drawn, others, plain = _mark(4.0), scenes(200, seed=1), scenes(200, seed=2), scenes(200, seed=3)
    marked = guarded(mark, [torch.zeros(8)] * 200, drawn)
    assert mark.claim(marked, Trial((), plain)).score > 6
    assert abs(mark.claim(others, Trial((), plain)).score) < 3
    assert mark.claim(plain[::-1], Trial((), plain)).score == 0.0


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_answers_stay_in_range(level: float) -> None:
    flat = [torch.full((3, 16, 24), level)]
    got = guarded(_mark(16.0), flat, flat)[0]
    assert (got.shape, got.dtype) == (flat[0].shape, torch.float32)
    assert got.amin() >= 0
    assert got.amax() <= 1
    assert not torch.equal(got, flat[0])


def test_images_too_small_for_a_band_are_marked_in_the_others() -> None:
    images = scenes(4, 8, 8)
    mark = _mark()
    found = mark.claim(guarded(mark, images, images), trial_of(images))
    assert found.figures["z-high"] == 0.0
    assert found.figures["z-low"] > 3


def test_answers_of_another_size_are_refused() -> None:
    with pytest.raises(GexbenchError, match="answer 0 of a suspect is"):
        _mark().claim(scenes(1, 16, 16), trial_of(scenes(1)))


def test_the_cards_strength_has_bounds() -> None:
    assert options_of("spread-spectrum")["strength"] == 1.5
    refuses("spread-spectrum", "strength=0.05", "strength=16.5", "strength=nan")
