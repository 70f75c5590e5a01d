"""Services that repaint photos: one network for many styles, trained and released by others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gexbench.nets.initialise import seeded
from gexbench.nets.multistyle import MultiStyle, MultiStyleOptions


class MultiStyleVictim:
    """Make style-transfer victims; they are never trained here."""

    def build(self, options: Mapping[str, Any]) -> MultiStyle:
        """Return the network without its weights; options: the fields of MultiStyleOptions, such as `style`."""
        return seeded(lambda: MultiStyle(MultiStyleOptions(**options)), seed=0)
