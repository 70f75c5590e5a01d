"""PSNR and SSIM: by hand, and against scikit-image on the same pixels."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

from gexbench.core.images import downscale_8bit, read_image, round_8bit, upscale
from gexbench.core.metric import Evidence
from gexbench.errors import CardError
from gexbench.metrics.pixel import Psnr, Recipe, Ssim, psnr, ssim

LUMA = {"space": "luma-bt601", "crop": 4}


def _pair(height: int = 40, width: int = 52, seed: int = 0, noise: float = 0.1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    a = torch.rand(3, height, width, generator=generator)
    return round_8bit(a), round_8bit(a + noise * torch.randn(a.shape, generator=generator))


def _their_ssim(a: Tensor, b: Tensor, data_range: float = 1.0) -> float:
    value = structural_similarity(
        a.double().numpy(),
        b.double().numpy(),
        channel_axis=0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=data_range,
    )
    return float(value)


def test_psnr_of_one_tenth_off_everywhere_is_20_db() -> None:
    a = torch.full((3, 8, 8), 0.5, dtype=torch.float64)
    assert psnr(a, a + 0.1) == pytest.approx(20.0, abs=1e-9)
    assert psnr(255 * a, 255 * a + 25.5, data_range=255.0) == pytest.approx(20.0, abs=1e-9)


def test_psnr_is_scikit_images() -> None:
    a, b = _pair()
    theirs = peak_signal_noise_ratio(a.double().numpy(), b.double().numpy(), data_range=1.0)
    assert psnr(a, b) == pytest.approx(theirs, abs=1e-6)


def test_psnr_of_identical_images_is_infinite() -> None:
    a, _ = _pair()
    assert Psnr({}, {}).measure(Evidence([a], [a.clone()])) == math.inf


@pytest.mark.parametrize(("height", "width"), [(11, 11), (12, 30), (40, 52), (170, 170), (300, 267), (75, 9000)])
def test_ssim_is_scikit_images(height: int, width: int) -> None:
    a, b = _pair(height, width)
    assert ssim(a, b) == pytest.approx(_their_ssim(a, b), abs=1e-9)


def test_ssim_is_scikit_images_on_0_to_255() -> None:
    a, b = (255.0 * x.double() for x in _pair())
    assert ssim(a, b, data_range=255.0) == pytest.approx(_their_ssim(a, b, 255.0), abs=1e-9)


def test_ssim_is_scikit_images_on_flat_images_where_rounding_bites() -> None:
    a, b = torch.ones(3, 32, 32), torch.full((3, 32, 32), 0.6)
    b[:, :, 16:] = 0.9
    assert ssim(a, b) == pytest.approx(_their_ssim(a, b), abs=1e-9)


@pytest.mark.parametrize(
    "content", ["black", "white", "one level apart", "saturated noise", "stripes", "a dark and a bright half"]
)
def test_ssim_is_scikit_images_where_variances_vanish_or_peak(content: str) -> None:
    a, b = torch.zeros(3, 64, 80), torch.zeros(3, 64, 80)
    if content == "white":
        a, b = a + 1.0, b + 1.0
    elif content == "one level apart":
        a, b = a + 1.0, b + round_8bit(torch.tensor(254 / 255))
    elif content == "saturated noise":
        a, b = (x.round() for x in _pair(64, 80, noise=0.5))
    elif content == "stripes":
        a[..., ::2], b[..., 1::2] = 1.0, 1.0
    elif content == "a dark and a bright half":
        a[..., 40:], b[..., 41:] = 1.0, 254 / 255
    assert ssim(a, b) == pytest.approx(_their_ssim(a, b), abs=1e-9)


def test_ssim_is_scikit_images_on_photos() -> None:
    root = os.environ.get("GEXBENCH_DATA")
    if not root:
        pytest.skip("GEXBENCH_DATA is unset: no photos to score")
    paths = sorted((Path(root) / "sr" / "Set5" / "x4").glob("*_HR.png"))
    if not paths:
        pytest.skip(f"no sr/Set5/x4 below GEXBENCH_DATA={root}")
    for truth in map(read_image, paths):
        enlarged = round_8bit(upscale(downscale_8bit(truth, 4), 4))
        assert ssim(enlarged, truth) == pytest.approx(_their_ssim(enlarged, truth), abs=1e-9)


@pytest.mark.parametrize("side", [20, 130, 200])
def test_ssim_of_many_planes_is_the_mean_of_each_plane_alone(side: int) -> None:
    generator = torch.Generator().manual_seed(side)
    a, b = torch.rand(2, 7, side, side, generator=generator)
    b[4] = a[4]
    alone = [ssim(a[k : k + 1], b[k : k + 1]) for k in range(7)]
    assert alone[4] == pytest.approx(1.0, abs=1e-12)
    assert ssim(a, b) == pytest.approx(sum(alone) / 7, abs=1e-12)


@pytest.mark.parametrize("distance", [psnr, ssim])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_images_are_left_as_they_are(distance: Callable[[Tensor, Tensor], float], kind: torch.dtype) -> None:
    a, b = (x.to(kind) for x in _pair())
    before = a.clone(), b.clone()
    distance(a, b)
    assert torch.equal(a, before[0])
    assert torch.equal(b, before[1])


def test_ssim_of_two_flat_images_is_the_luminance_term() -> None:
    a, b = torch.full((1, 11, 11), 0.25, dtype=torch.float64), torch.full((1, 11, 11), 0.75, dtype=torch.float64)
    by_hand = (2 * 0.25 * 0.75 + 0.0001) / (0.25**2 + 0.75**2 + 0.0001)
    assert ssim(a, b) == pytest.approx(by_hand, abs=1e-12)


def test_ssim_of_identical_images_is_one_and_of_an_inverted_image_negative() -> None:
    a, _ = _pair()
    assert ssim(a, a) == pytest.approx(1.0, abs=1e-12)
    assert ssim(a, 1.0 - a) < -0.5


@pytest.mark.parametrize("metric", [Psnr({}, {}), Ssim({}, {}), Psnr(LUMA, {}), Ssim(LUMA, {})])
def test_more_noise_scores_lower(metric: Psnr | Ssim) -> None:
    scores = [metric.measure(Evidence(*([x] for x in _pair(noise=noise)))) for noise in (0.02, 0.1, 0.3)]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 3


@pytest.mark.parametrize("metric", [Psnr({}, {}), Ssim({}, {})])
def test_the_measure_is_the_mean_over_images_of_mixed_sizes_in_any_order(metric: Psnr | Ssim) -> None:
    pairs = [_pair(20, 30, seed=1, noise=0.05), _pair(33, 21, seed=2), _pair(40, 40, seed=3, noise=0.3)]
    alone = [metric.measure(Evidence([a], [b])) for a, b in pairs]
    forth = metric.measure(Evidence([a for a, _ in pairs], [b for _, b in pairs]))
    back = metric.measure(Evidence([a for a, _ in pairs[::-1]], [b for _, b in pairs[::-1]]))
    assert forth == back == pytest.approx(sum(alone) / 3, abs=1e-12)


def test_crops_the_border_before_it_compares() -> None:
    a, _ = _pair()
    b = a.clone()
    b[:, :4], b[:, -4:], b[:, :, :4], b[:, :, -4:] = 0.0, 0.0, 0.0, 0.0
    assert Psnr({"crop": 4}, {}).measure(Evidence([a], [b])) == math.inf
    assert Psnr({"crop": 3}, {}).measure(Evidence([a], [b])) < math.inf


def test_luma_compares_one_studio_swing_plane() -> None:
    black, white = torch.zeros(3, 20, 20), torch.ones(3, 20, 20)
    by_hand = -20 * math.log10(219 / 255)
    assert Psnr(LUMA, {}).measure(Evidence([black], [white])) == pytest.approx(by_hand, abs=1e-9)
    assert Recipe.of(LUMA).apply(white).shape == (1, 12, 12)


@pytest.mark.parametrize("metric", [Psnr({}, {}), Ssim({}, {})])
def test_refuses_what_cannot_be_compared(metric: Psnr | Ssim) -> None:
    a, b = _pair()
    with pytest.raises(ValueError, match="3x40x51 and its reference 3x40x52"):
        metric.measure(Evidence([a[:, :, :-1]], [b]))
    with pytest.raises(ValueError, match="image 0 is 1x40x52"):
        metric.measure(Evidence([a[:1]], [b[:1]]))
    with pytest.raises(ValueError, match="1 images with 2 references"):
        metric.measure(Evidence([a], [a, b]))
    with pytest.raises(ValueError, match="0 images"):
        metric.measure(Evidence([], []))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [(0, 0, 0), (2, 20, 20)])
@pytest.mark.parametrize("metric", [Psnr(LUMA, {}), Ssim(LUMA, {})])
def test_nan_is_never_a_number(metric: Psnr | Ssim, place: tuple[int, int, int], value: float) -> None:
    a, b = _pair()
    b[place] = value
    with pytest.raises(ValueError, match="reference of image 0 holds NaN"):
        metric.measure(Evidence([a], [b]))
    with pytest.raises(ValueError, match="image 0 holds NaN"):
        metric.measure(Evidence([b], [a]))


def test_pure_functions_refuse_sizes_that_differ_and_images_below_the_window() -> None:
    a, b = _pair()
    for distance in (psnr, ssim):
        with pytest.raises(ValueError, match="3x39x52 with 3x40x52"):
            distance(a[:, 1:], b)
    with pytest.raises(ValueError, match="11 pixels or more, got 3x10x52"):
        ssim(a[:, :10], b[:, :10])


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("distance", [psnr, ssim])
def test_pure_functions_refuse_nan_too(distance: Callable[[Tensor, Tensor], float], value: float) -> None:
    a, _ = _pair()
    b = a.clone()
    b[1, 20, 20] = value
    for pair in ((a, b), (b, a), (b, b)):
        with pytest.raises(ValueError, match="NaN"):
            distance(*pair)


def test_refuses_a_crop_that_leaves_nothing() -> None:
    a, b = _pair(8, 8)
    with pytest.raises(ValueError, match="nothing is left of 3x8x8 after a crop of 4"):
        Psnr(LUMA, {}).measure(Evidence([a], [b]))


def test_refuses_settings_it_does_not_know() -> None:
    with pytest.raises(CardError, match=r"settings\.spaec") as caught:
        Psnr({"spaec": "rgb"}, {})
    assert "space" in caught.value.hint
    with pytest.raises(CardError, match="'lab' is refused"):
        Ssim({"space": "lab"}, {})
    with pytest.raises(CardError, match="-1 is refused"):
        Ssim({"crop": -1}, {})


@pytest.mark.parametrize(("name", "db", "similarity"), [("Set5", 28.42, 0.8104), ("Set14", 26.09, 0.7048)])
def test_bicubic_scores_what_is_published(name: str, db: float, similarity: float) -> None:
    root = os.environ.get("GEXBENCH_DATA")
    if not root:
        pytest.skip("GEXBENCH_DATA is unset: no published images to score")
    truth = [read_image(path) for path in sorted((Path(root) / "sr" / name / "x4").glob("*_HR.png"))]
    if not truth:
        pytest.skip(f"no sr/{name}/x4 below GEXBENCH_DATA={root}")
    enlarged = [round_8bit(upscale(downscale_8bit(image, 4), 4)) for image in truth]
    evidence = Evidence(enlarged, truth)
    assert Psnr(LUMA, {}).measure(evidence) == pytest.approx(db, abs=0.05)
    assert Ssim(LUMA, {}).measure(evidence) == pytest.approx(similarity, abs=0.002)
