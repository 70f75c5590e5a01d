"""Two domains without pairs: what is drawn of them in a step, and the sheets that show a training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from training_factory import context_in, studio_in

from gexbench.core.images import to_uint8
from gexbench.errors import DataMissing
from gexbench.training.unpaired import Domains, Sheets


def ramps(count: int, side: int = 12) -> list[Tensor]:
    """Return images that grow brighter to the right, so that a mirrored one is known: (3,side,side) uint8."""
    return [(torch.arange(side).expand(3, side, side) * 10 + index).to(torch.uint8) for index in range(count)]


def plain(level: int, count: int = 8) -> list[Tensor]:
    return [torch.full((3, 12, 12), level, dtype=torch.uint8)] * count


def test_a_step_draws_crops_of_either_domain_in_range(tmp_path: Path) -> None:
    photos, style = Domains(plain(51), plain(204)).draw(8, 5, context_in(tmp_path), 0)
    for drawn, level in ((photos, 0.2), (style, 0.8)):
        assert torch.allclose(drawn, torch.full((5, 3, 8, 8), level))
        assert drawn.is_contiguous(memory_format=torch.channels_last)


def test_about_half_of_the_crops_are_mirrored(tmp_path: Path) -> None:
    photos, style = Domains(ramps(4), ramps(4)).draw(8, 200, context_in(tmp_path), 0)
    for drawn in (photos, style):
        rising = drawn[:, 0, 0, -1] > drawn[:, 0, 0, 0]
        assert 70 < int(rising.sum()) < 130
    assert not torch.equal(photos, style)


def test_what_is_drawn_depends_on_the_seed_and_the_step_alone(tmp_path: Path) -> None:
    domains = Domains(ramps(4), ramps(4))
    first = domains.draw(8, 6, context_in(tmp_path), 3)[0]
    assert torch.equal(domains.draw(8, 6, context_in(tmp_path), 3)[0], first)
    assert not torch.equal(domains.draw(8, 6, context_in(tmp_path), 4)[0], first)
    assert not torch.equal(domains.draw(8, 6, context_in(tmp_path, seed=1), 3)[0], first)


def test_the_hash_tells_the_domains_apart() -> None:
    hashes = {Domains(*pair).digest() for pair in ((plain(1), plain(2)), (plain(2), plain(1)), (plain(1), plain(3)))}
    assert len(hashes) == 3


def test_an_owner_without_style_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="got 3 and 0"):
        Domains.of(studio_in(tmp_path, owner=[torch.zeros(3, 8, 8)] * 3))


def test_a_sheet_shows_images_beside_what_becomes_of_them_twenty_times_a_training(tmp_path: Path) -> None:
    sheets = Sheets(Domains(plain(51), plain(204)), context_in(tmp_path), steps=40)
    for done in range(1, 41):
        sheets(done, {"style": lambda x: 0.5 * x, "photo": lambda x: 0.25 * x})
    written = sorted((tmp_path / "samples").iterdir())
    assert [path.name for path in written] == [f"{done:07d}.png" for done in range(2, 41, 2)]
    pixels = np.asarray(Image.open(written[0]))
    assert pixels.shape == (6 * 12, 4 * 12, 3)
    assert [int(pixels[0, 12 * column, 0]) for column in range(4)] == [51, 26, 204, 51]


def test_images_of_mixed_sizes_are_trained_on_without_sheets(tmp_path: Path) -> None:
    mixed = [*plain(51, 6), to_uint8(torch.zeros(3, 20, 12))]
    Sheets(Domains(mixed, plain(204)), context_in(tmp_path), steps=1)(1, {})
    assert not (tmp_path / "samples").exists()
