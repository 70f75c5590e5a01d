"""The paper's user study, from the means and standard deviations that it prints."""

from __future__ import annotations

import pytest

from gexbench.study.pooled import LEVEL, Summary, pooled, with_image_share

RATINGS = 125 * 10
MONET = Summary(3.20, 1.59, RATINGS), Summary(2.91, 1.76, RATINGS)
SELFIE = Summary(3.11, 1.76, RATINGS), Summary(3.08, 1.50, RATINGS)


def test_both_of_the_papers_conclusions_come_out_again() -> None:
    monet, selfie = pooled(*MONET), pooled(*SELFIE)
    assert monet.p < LEVEL < selfie.p
    assert selfie.p == pytest.approx(0.63, abs=0.02)
    assert (monet.d, selfie.d) == (pytest.approx(0.173, abs=5e-4), pytest.approx(0.018, abs=5e-4))
    assert (monet.outside, selfie.outside) == (pytest.approx(7.5e-4, rel=0.03), pytest.approx(1e-12, rel=0.3))


def test_several_of_its_printed_numbers_do_not() -> None:
    monet, selfie = pooled(*MONET), pooled(*SELFIE)
    assert (monet.t, monet.p) == (pytest.approx(4.32, abs=5e-3), pytest.approx(1.6e-5, rel=0.03))
    assert monet.p > 500 * 1.8e-8
    assert (monet.smallest, selfie.smallest) == (pytest.approx(0.40, abs=5e-3), pytest.approx(0.14, abs=5e-3))


def test_an_image_share_of_two_percent_undoes_the_equivalence_for_monet() -> None:
    assert with_image_share(*MONET, images=10, share=0.0185).outside < LEVEL
    assert with_image_share(*MONET, images=10, share=0.0195).outside > LEVEL
    assert with_image_share(*SELFIE, images=10, share=0.0195).outside < LEVEL
