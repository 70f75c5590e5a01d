"""JPEG on answers."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from gexbench.core.defense import History
from gexbench.core.images import round_8bit, to_uint8
from gexbench.defenses.jpeg import Jpeg

QUESTION = torch.zeros(1, 3, 8, 8)


def _smooth(count: int, height: int = 48, width: int = 64) -> Tensor:
    noise = torch.rand(count, 3, 6, 8, generator=torch.Generator().manual_seed(0))
    return round_8bit(F.interpolate(noise, size=(height, width), mode="bicubic").clamp(0, 1))


def _guarded(y: Tensor, quality: int) -> Tensor:
    return Jpeg({"quality": quality}).guard_output(QUESTION, y, History(0, torch.Generator()))


def _error(quality: int) -> float:
    y = _smooth(1)
    return float((_guarded(y, quality) - y).square().mean())


def test_the_answer_is_what_pillow_reads_back() -> None:
    y, held = _smooth(1), io.BytesIO()
    Image.fromarray(to_uint8(y[0]).permute(1, 2, 0).numpy()).save(held, "JPEG", quality=30)
    expected = np.asarray(Image.open(held))
    assert np.array_equal(to_uint8(_guarded(y, 30)[0]).permute(1, 2, 0).numpy(), expected)


def test_lower_quality_costs_more() -> None:
    assert 0 < _error(95) < _error(50) < _error(10)


@pytest.mark.parametrize("size", [(8, 8), (9, 15), (31, 33)])
def test_any_size_keeps_its_shape_type_and_range(size: tuple[int, int]) -> None:
    y = _smooth(1, *size)
    got = _guarded(y, 50)
    assert got.shape == y.shape
    assert got.dtype == torch.float32
    assert got.amin() >= 0
    assert got.amax() <= 1


def test_the_same_question_gets_the_same_answer() -> None:
    y = _smooth(1)
    assert torch.equal(_guarded(y, 50), _guarded(y, 50))


def test_images_of_a_batch_do_not_touch_each_other() -> None:
    y = _smooth(3)
    alone = torch.cat([_guarded(image[None], 50) for image in y])
    assert torch.equal(_guarded(y, 50), alone)
