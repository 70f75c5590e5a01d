"""Attacks that ask about the test in disguise, or about more than a question may hold."""

from __future__ import annotations

import io

import numpy as np
import torch
import torch.nn.functional as F
from cheats import Nearest, TestName
from PIL import Image
from torch import Tensor

from gexbench.core.attack import Brief
from gexbench.core.oracle import Oracle
from gexbench.datasets.drawn import DrawnDomains
from gexbench.errors import QueryError


class Forger:
    """Asks about three images of the test, each changed in one way, and about five of the pool."""

    def extract(self, oracle: Oracle, brief: Brief) -> Nearest:
        names = [TestName(f"test/{number:04d}") for number in range(3)]
        drawn = DrawnDomains({"domain": "scenes", "side": 64}, {"pool": names}).pool().inputs
        changed = [disguised(image, str(brief.options["way"])) for image in drawn]
        oracle.query(torch.stack([*changed, *(brief.pool[i] for i in range(5))]))
        return Nearest(scale=1)


class Tiler:
    """Asks about a piece of a test photo that it carries along, turned, dimmed and blurred by JPEG."""

    def extract(self, oracle: Oracle, brief: Brief) -> Nearest:
        pixels = torch.tensor(list(bytes.fromhex(str(brief.options["piece"])))) / 255
        piece = disguised(pixels.reshape(3, 24, 24).flip(-1) * 0.8, "jpeg")
        oracle.query(torch.stack([piece, *(brief.pool[i] for i in range(7))]))
        return Nearest(brief.scale)


class Mosaicist:
    """Asks about many images of the pool in one, and about what is narrow; `report` says what came of it."""

    def __init__(self) -> None:
        self.report: dict[str, int | str] = {}

    def extract(self, oracle: Oracle, brief: Brief) -> Nearest:
        side = torch.cat([brief.pool[i] for i in range(22)], -1)
        shapes = {"mosaic": torch.cat([side] * 22, -2), "row": side, "strip": brief.pool[0].reshape(3, 8, 72)}
        for name, image in shapes.items():
            try:
                oracle.query(image[None])
                self.report[name] = "answered"
            except QueryError as error:
                self.report[name] = str(error)
        oracle.query(brief.pool[0][None])
        return Nearest(brief.scale)


def disguised(image: Tensor, way: str) -> Tensor:
    """Return an image (3,h,w) in [0,1] changed so that it is no longer equal to itself."""
    if way == "pixel":
        image = image.clone()
        image[:, 40, 21] = 1 - image[:, 40, 21]
    if way == "shift":
        image = image.roll((2, -3), (1, 2))
    if way == "mirror":
        image = image.flip(-1)
    if way == "quarter":
        image = F.pad(image[:, 24:, 24:], (0, 24, 24, 0), value=0.5)
    if way == "dim":
        image = 0.3 + 0.4 * image**1.3
    if way == "jpeg":
        file = io.BytesIO()
        Image.fromarray((image * 255).round().byte().permute(1, 2, 0).numpy()).save(file, "JPEG", quality=75)
        image = torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1) / 255
    return image
