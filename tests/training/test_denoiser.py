"""The denoiser that learns on clean images with made-up marks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from training_factory import context_in, equal

from gexbench.core.band_noise import band_noise
from gexbench.core.images import from_uint8, to_uint8
from gexbench.training.denoiser import STRONGEST, cleaned, fit_denoiser, marked


def smooth(count: int, seed: int = 0, height: int = 24, width: int = 32) -> list[Tensor]:
    coarse = torch.rand(count, 3, 2, 2, generator=torch.Generator().manual_seed(seed))
    return list(to_uint8(F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=True)))


def test_it_takes_off_a_mark_it_never_saw_from_images_it_never_saw(tmp_path: Path) -> None:
    context = context_in(tmp_path)
    net = fit_denoiser(smooth(24, 0, 16, 16), 60, context)
    mark = 8 / 255 * band_noise(24, 24, (6.0, 12.0), torch.Generator().manual_seed(9))
    clean = torch.stack([from_uint8(image) for image in smooth(4, 1, 24, 24)])
    given = list(to_uint8((clean + mark).clamp(0, 1)))
    taken = torch.stack([from_uint8(image) for image in cleaned(net, given, context)])
    assert not net.training
    assert float((taken - clean).square().mean()) < 0.5 * float(mark.square().mean())


def test_images_of_any_sizes_come_out_in_their_size(tmp_path: Path) -> None:
    context = context_in(tmp_path)
    net = fit_denoiser(smooth(2), 1, context)
    sizes = [(24, 32), (9, 8), (40, 17)]
    made = cleaned(net, [smooth(1, 0, *size)[0] for size in sizes], context)
    assert [(image.dtype, *image.shape) for image in made] == [(torch.uint8, 3, *size) for size in sizes]


def test_every_kind_of_mark_is_made_and_none_is_strong() -> None:
    image = smooth(1)[0]
    draws = torch.Generator().manual_seed(0)
    changes = [from_uint8(marked(image, draws)) - from_uint8(image) for _ in range(24)]
    strengths = [float(change.square().mean().sqrt()) for change in changes]
    assert max(strengths) < 1.1 * STRONGEST
    assert len({round(strength, 6) for strength in strengths}) == 24


def test_the_same_seed_gives_the_same_net_and_another_one_another(tmp_path: Path) -> None:
    one, other = (fit_denoiser(smooth(3), 3, context_in(tmp_path / name)) for name in "ab")
    assert equal(one, other)
    assert not equal(one, fit_denoiser(smooth(3), 3, context_in(tmp_path / "c", seed=1)))


def test_without_images_there_is_nothing_to_learn_on(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="0 inputs"):
        fit_denoiser([], 1, context_in(tmp_path))
