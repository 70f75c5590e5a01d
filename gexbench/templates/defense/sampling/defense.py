"""A defense to start from: latents lose their extremes, and images get a little noise."""

from __future__ import annotations

import torch
from torch import Tensor

from gexbench.core.defense import Defense, History


class MineDefense(Defense):
    """Change what is fed to the victim and what leaves; other moments are `prepare`, `harden` and `claim`."""

    def guard_latent(self, z: Tensor, history: History) -> Tensor:
        """Return the latent to draw from: z is (1,d), standard normal, and what is returned may have any values."""
        bound = float(self.options["bound"])
        return z.clamp(-bound, bound)

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        """Return the image to send: x is the latent, y the victim's (1,3,H,W) in [0,1], and so is what is returned.

        All chance comes from `history.generator`: asked again, the service must give the same image.
        """
        noise = torch.randn(y.shape, generator=history.generator) * float(self.options["noise"])
        return (y + noise).clamp(0, 1)
