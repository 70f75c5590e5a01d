"""gexbench: the benchmark of model extraction for generative image models."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gexbench.bench import run, score
    from gexbench.boards.frame import load_records
    from gexbench.cli.progress import progress_bars
    from gexbench.comparison import Comparison
    from gexbench.core.attack import Attack, Brief
    from gexbench.core.defense import Defense
    from gexbench.core.oracle import Oracle
    from gexbench.notebook import open_oracle
    from gexbench.record import RunRecord
    from gexbench.studies import cross, curve, sweep
    from gexbench.surrogate import load_surrogate

__version__ = "0.1.0"
__all__ = [
    "Attack",
    "Brief",
    "Comparison",
    "Defense",
    "Oracle",
    "RunRecord",
    "__version__",
    "cross",
    "curve",
    "load_records",
    "load_surrogate",
    "open_oracle",
    "progress_bars",
    "run",
    "score",
    "sweep",
]

_HOMES = {
    "Attack": "core.attack",
    "Brief": "core.attack",
    "Comparison": "comparison",
    "Defense": "core.defense",
    "Oracle": "core.oracle",
    "RunRecord": "record",
    "cross": "studies",
    "curve": "studies",
    "load_records": "boards.frame",
    "load_surrogate": "surrogate",
    "open_oracle": "notebook",
    "progress_bars": "cli.progress",
    "run": "bench",
    "score": "bench",
    "sweep": "studies",
}


def __getattr__(name: str) -> Any:
    """Import the names of `_HOMES` when they are first used, so that `import gexbench` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'gexbench' has no attribute {name!r}")
    return getattr(importlib.import_module(f"gexbench.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """Name what is not imported yet too."""
    return sorted({*globals(), *__all__})
