"""Small pictures as features: cheap, and near for images that are nearly the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from gexbench.errors import CardError, nearest


class Thumbnail:
    """Means of the pixels under a grid over the image; `Thumbnail(settings, assets)`.

    settings: "side", cells along a side of the grid. Raises CardError for other settings.
    """

    def __init__(self, settings: Mapping[str, Any], assets: Mapping[str, Path]) -> None:
        for key in settings:
            if key != "side":
                raise CardError(f"settings.{key} is not a setting of Thumbnail", nearest(key, ["side"]))
        self._side = settings.get("side")
        if type(self._side) is not int or self._side < 1:
            raise CardError(f"settings.side = {self._side!r} is refused", "a whole number of cells, 1 or more")

    def to(self, device: str) -> Thumbnail:
        """Return itself: it works on the CPU."""
        return self

    def prepare(self, image: Tensor) -> Tensor:
        """Return (3*side*side,) float32 in [0,1] for (3,H,W) uint8."""
        cells: Tensor = adaptive_avg_pool2d(image.float() / 255.0, self._side)
        return cells.flatten()

    def features(self, batch: Tensor) -> Tensor:
        """Return the rows as they were prepared."""
        return batch
