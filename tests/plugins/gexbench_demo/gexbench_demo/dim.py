"""A defense that darkens every answer."""

from __future__ import annotations

from torch import Tensor

from gexbench.core.defense import Defense, History


class Dim(Defense):
    """Multiply every answer by the option `share`."""

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        """Return the darker answer."""
        return y * float(self.options["share"])
