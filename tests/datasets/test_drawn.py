"""Landscapes and faces drawn by code, as photos and in a style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from gexbench.core.images import from_uint8, round_8bit
from gexbench.datasets import faces, scenes
from gexbench.datasets.drawn import DrawnDomains, _generator
from gexbench.errors import CardError

both = pytest.mark.parametrize("domain", ["scenes", "faces"])


@dataclass
class _Named:
    """A name without a file."""

    name: str


def _names(prefix: str, count: int) -> list[_Named]:
    return [_Named(f"{prefix}/{number:05d}") for number in range(count)]


def _dataset(domain: str, count: int = 4, side: int = 64) -> DrawnDomains:
    files = {split: _names(split, count) for split in ("owner", "style", "pool", "test/a", "test/b")}
    return DrawnDomains({"domain": domain, "side": side}, files | {"reference": _names("reference", 5)})


def _bytes(images: Sequence[Tensor]) -> list[bytes]:
    return [image.numpy().tobytes() for image in images]


def _saturation(images: Tensor) -> float:
    return float((images.amax(1) - images.amin(1)).mean())


def _roughness(images: Tensor) -> float:
    return float(images.diff(dim=2).abs().mean())


@both
def test_a_name_is_always_the_same_picture(domain: str) -> None:
    first, again = _dataset(domain), _dataset(domain)
    assert _bytes(first.owner()) == _bytes(again.owner())
    assert _bytes(first.style()) == _bytes(again.style())
    assert torch.equal(first.owner()[3], again.owner()[3])


@both
def test_another_name_is_another_picture(domain: str) -> None:
    data = _dataset(domain, 12)
    assert len(set(_bytes(data.owner()) + _bytes(data.style()))) == 24


@both
def test_one_name_may_be_a_photo_and_a_style_image(domain: str) -> None:
    same = [_Named("x/1")]
    data = DrawnDomains({"domain": domain}, {"owner": same, "style": same})
    assert not torch.equal(data.owner()[0], data.style()[0])


@both
def test_splits_share_no_picture(domain: str) -> None:
    data, tests = _dataset(domain), _dataset(domain).tests()
    splits = [data.owner(), data.style(), data.pool().inputs, tests["a"].inputs, tests["b"].inputs, tests["a"].truth]
    drawn = [pixels for split in splits for pixels in _bytes(split)]
    assert len(set(drawn)) == len(drawn) == 25


@both
@pytest.mark.parametrize("side", [16, 64, 100])
def test_pictures_have_the_side_of_the_card_and_are_8_bit(domain: str, side: int) -> None:
    data = _dataset(domain, 5, side)
    for image in [*data.owner(), *data.style()]:
        assert image.shape == (3, side, side)
        assert image.dtype == torch.float32
        assert image.is_contiguous()
        assert 0 <= image.min() < image.max() <= 1
        assert torch.equal(round_8bit(image), image)


@both
def test_style_images_differ_from_photos_in_light_colour_and_texture(domain: str) -> None:
    data = _dataset(domain, 24)
    photos, styles = torch.stack(list(data.owner())), torch.stack(list(data.style()))
    assert styles.mean() > photos.mean() + 0.2
    assert _saturation(styles) > 1.5 * _saturation(photos)
    assert _roughness(styles) > 1.3 * _roughness(photos)
    assert photos.mean((1, 2, 3)).std() > 0.04


def test_the_pool_has_names_and_no_truth() -> None:
    pool = _dataset("scenes").pool()
    assert list(pool.names) == ["pool/00000", "pool/00001", "pool/00002", "pool/00003"]
    assert len(pool.inputs) == 4
    assert len(pool.truth) == 0


def test_all_test_splits_have_the_same_reference() -> None:
    tests = _dataset("faces").tests()
    assert list(tests) == ["a", "b"]
    assert tests["a"].truth is tests["b"].truth
    assert len(tests["a"].truth) == 5
    assert list(tests["b"].names) == [f"test/b/{number:05d}" for number in range(4)]
    assert torch.equal(
        tests["a"].truth[0], DrawnDomains({"domain": "faces"}, {"style": _names("reference", 1)}).style()[0]
    )


def test_pictures_are_drawn_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr("gexbench.datasets.drawn._generator", drawn.append)
    data = _dataset("scenes")
    data.owner(), data.style(), data.pool(), data.tests()
    assert not drawn


def test_scenes_of_64_pixels_are_the_default() -> None:
    files = {"owner": _names("owner", 1)}
    plain, told = DrawnDomains({}, files), DrawnDomains({"domain": "scenes", "side": 64}, files)
    assert torch.equal(plain.owner()[0], told.owner()[0])


@pytest.mark.parametrize(
    ("settings", "message", "hint"),
    [
        ({"sides": 64}, r"settings\.sides", "side"),
        ({"domain": "face"}, r"settings\.domain = 'face'", "faces"),
        ({"domain": 3}, r"settings\.domain = 3", "scenes"),
        ({"side": 8}, r"settings\.side = 8", "16"),
        ({"side": 512}, r"settings\.side = 512", "256"),
        ({"side": 64.0}, r"settings\.side = 64\.0", "whole"),
        ({"side": True}, r"settings\.side = True", "whole"),
        ({"domain": ["faces"]}, r"settings\.domain = \['faces'\]", "faces"),
    ],
)
def test_refuses_settings_it_cannot_follow(settings: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(CardError, match=message) as caught:
        DrawnDomains(settings, {})
    assert hint in caught.value.hint


@both
def test_a_close_picture_is_the_middle_of_one_twice_as_large(domain: str) -> None:
    near = DrawnDomains({"domain": domain, "side": 32}, {"owner": [_Named("close/7")]}).owner()[0]
    draw = {"scenes": scenes.photo, "faces": faces.photo}[domain]
    whole = torch.from_numpy(draw(_generator("close/7"), 64)).permute(2, 0, 1)
    assert torch.equal(near, from_uint8(whole[:, 16:48, 16:48]))
