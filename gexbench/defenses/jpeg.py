"""Output perturbation: lossy compression of every answer."""

from __future__ import annotations

import torch
from torch import Tensor

from gexbench.core.defense import Defense, History
from gexbench.core.jpeg import recompressed


class Jpeg(Defense):
    """Send every answer through JPEG, as many image services do.

    Option `quality`: Pillow's, 1 to 95; colour is kept at half resolution (4:2:0). Source: output perturbation, Hu and
    Pang 2021 (doi 10.1145/3485832.3485838), section 8, of which only a summary was at hand; JPEG and quality are ours.
    """

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        """Return y after JPEG, each image on its own; shapes and range as in Defense.guard_output."""
        return torch.stack([recompressed(image, int(self.options["quality"])) for image in y]).to(y)
