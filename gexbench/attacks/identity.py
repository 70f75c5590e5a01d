"""The no-query floor of image translation: nothing is changed."""

from __future__ import annotations

from torch import nn

from gexbench.core.attack import Brief
from gexbench.core.oracle import Oracle


class IdentityControl:
    """Ask nothing, change nothing.

    Source: a control of this benchmark; how far a service departs from its input is what an attack has to learn.
    """

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Return a module without weights that gives back its input."""
        return nn.Identity()
