"""Super-resolution by the dual aggregation transformer, trained and released by others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gexbench.nets.dat import DAT, DATOptions
from gexbench.nets.initialise import seeded


class DATVictim:
    """Make super-resolution victims; they are never trained here."""

    def build(self, options: Mapping[str, Any]) -> DAT:
        """Return the network without its weights; options: the fields of DATOptions."""
        return seeded(lambda: DAT(DATOptions(**options)), seed=0)
