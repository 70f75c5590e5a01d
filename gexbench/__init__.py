"""gexbench: the benchmark of model extraction for generative image models."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gexbench.bench import run, score
    from gexbench.record import Comparison, RunRecord

__version__ = "0.1.0"
__all__ = ["Comparison", "RunRecord", "__version__", "run", "score"]


_HOMES = {
    "run": "gexbench.bench",
    "score": "gexbench.bench",
    "RunRecord": "gexbench.record",
    "Comparison": "gexbench.record",
}


def __getattr__(name: str) -> Any:
    """Import the names of `_HOMES` when they are first used, so that `import gexbench` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'gexbench' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
