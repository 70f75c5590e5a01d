"""Coloured figures: what is drawn is of the kind it was drawn as, and all kinds are drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.random import PCG64, Generator

from gexbench.datasets.figure_kinds import kinds
from gexbench.datasets.figures import COLOURS, INKS, KINDS, RADIUS, SHAPES, coverage, figure, figure_of, outside, spot

AREAS = (math.pi, 4 * 0.85**2, 1.65 * 0.825 / 0.866, math.pi * (1.05**2 - 0.55**2))
"""What each outline of radius one encloses."""


def rng(seed: int) -> Generator:
    return Generator(PCG64(seed))


def test_a_seed_is_always_the_same_picture() -> None:
    first, again, other = (figure(rng(seed), 32) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert (first.shape, first.dtype) == ((32, 32, 3), np.uint8)


@pytest.mark.parametrize("kind", range(KINDS))
def test_a_figure_has_the_ink_of_its_kind_on_a_light_grey_ground(kind: int) -> None:
    drawn = figure_of(kind, rng(kind), 64) / 255.0
    inside = coverage(kind // COLOURS, *spot(rng(kind)), 64) == 1.0
    ink, ground = drawn[inside].mean(axis=0), drawn[:2].mean(axis=(0, 1))
    assert int(np.abs(INKS - ink).sum(axis=1).argmin()) == kind % COLOURS
    assert ground.min() > 0.75
    assert np.ptp(ground) < 0.02


def test_all_kinds_are_drawn_about_equally_often() -> None:
    draws = rng(0)
    drawn = torch.from_numpy(np.stack([figure(draws, 32) for _ in range(640)])).permute(0, 3, 1, 2)
    counts = torch.bincount(kinds(drawn), minlength=KINDS)
    assert 20 < int(counts.min()) <= int(counts.max()) < 65


@pytest.mark.parametrize("shape", range(SHAPES))
def test_a_shape_inks_as_much_as_its_outline_encloses(shape: int) -> None:
    inked = coverage(shape, 0.5, 0.5, 0.3, 400)
    assert 0.0 <= inked.min() < inked.max() <= 1.0
    assert float(inked.mean()) == pytest.approx(AREAS[shape] * 0.3**2, rel=0.01)


def test_many_figures_at_once_are_the_same_as_one_by_one() -> None:
    x, y, radius = (np.array(values, np.float32)[:, None, None] for values in ((0.4, 0.55), (0.5, 0.45), (0.3, 0.25)))
    both = outside(2, x, y, radius, 16)
    assert both.shape == (2, 16, 16)
    for number in range(2):
        one = outside(2, *(values[number].item() for values in (x, y, radius)), 16)
        assert np.allclose(both[number], one, atol=1e-5)


def test_figures_lie_about_the_middle_and_differ_a_little_in_size() -> None:
    spots = np.array([spot(rng(seed)) for seed in range(200)])
    assert np.abs(spots[:, :2] - 0.5).max() <= 0.06
    assert RADIUS * 0.85 <= spots[:, 2].min() < spots[:, 2].max() <= RADIUS * 1.15
