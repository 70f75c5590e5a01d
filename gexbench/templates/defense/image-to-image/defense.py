"""A defense to start from: every answer loses a little contrast, how much depends on the question."""

from __future__ import annotations

import torch
from torch import Tensor

from gexbench.core.defense import Defense, History


class MineDefense(Defense):
    """Change what leaves; other moments are `prepare`, `harden`, `guard_input` and `claim`."""

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        """Return the answer to send: y is the victim's (1,3,H,W) in [0,1], and so is what is returned.

        All chance comes from `history.generator`: asked again, the service must give the same answer.
        """
        share = float(self.options["strength"]) * torch.rand((), generator=history.generator)
        mean = y.mean(dim=(2, 3), keepdim=True)
        return y + (mean - y) * share
