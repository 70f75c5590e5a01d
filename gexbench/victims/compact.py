"""Super-resolution by Real-ESRGAN's compact network, trained and released by others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gexbench.nets.compact import Compact, CompactOptions
from gexbench.nets.initialise import seeded


class CompactVictim:
    """Make super-resolution victims; they are never trained here."""

    def build(self, options: Mapping[str, Any]) -> Compact:
        """Return the network without its weights; options: the fields of CompactOptions."""
        return seeded(lambda: Compact(CompactOptions(**options)), seed=0)
