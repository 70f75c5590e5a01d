"""Super-resolution by dense blocks, trained and released by others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gexbench.nets.initialise import seeded
from gexbench.nets.rrdb import RRDBNet, RRDBOptions


class RRDBVictim:
    """Make super-resolution victims; they are never trained here."""

    def build(self, options: Mapping[str, Any]) -> RRDBNet:
        """Return the network without its weights; options: the fields of RRDBOptions."""
        return seeded(lambda: RRDBNet(RRDBOptions(**options)), seed=0)
