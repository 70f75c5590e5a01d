"""Thumbnails: means under a grid."""

from __future__ import annotations

import pytest
import torch

from gexbench.errors import CardError
from gexbench.extractors.thumbnail import Thumbnail


def test_a_cell_is_the_mean_of_its_pixels() -> None:
    image = torch.zeros(3, 4, 4, dtype=torch.uint8)
    image[1, :2, 2:] = torch.tensor([[0, 255], [255, 0]])
    row = Thumbnail({"side": 2}, {}).prepare(image)
    assert row.reshape(3, 2, 2)[1].tolist() == [[0.0, 0.5], [0.0, 0.0]]
    assert row.sum() == 0.5


@pytest.mark.parametrize("shape", [(3, 32, 32), (3, 64, 48), (3, 16, 16), (3, 5, 7)])
def test_images_of_any_size_give_rows_of_one_length(shape: tuple[int, ...]) -> None:
    extractor = Thumbnail({"side": 16}, {})
    row = extractor.prepare(torch.full(shape, 51, dtype=torch.uint8))
    assert torch.allclose(extractor.features(row[None]), torch.full((1, 768), 0.2))


@pytest.mark.parametrize("settings", [{}, {"side": 0}, {"side": 2.0}, {"side": 2, "sides": 2}])
def test_other_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(CardError, match=r"settings\.side"):
        Thumbnail(settings, {})
