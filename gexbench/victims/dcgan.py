"""Services that draw by a deep convolutional GAN, trained and released by others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gexbench.nets.dcgan import DCGANGenerator, DCGANOptions
from gexbench.nets.initialise import seeded


class DCGANVictim:
    """Make victims that draw; they are never trained here."""

    def build(self, options: Mapping[str, Any]) -> DCGANGenerator:
        """Return the network without its weights; options: the fields of DCGANOptions."""
        return seeded(lambda: DCGANGenerator(DCGANOptions(**options)), seed=0)
