"""gexbench: the benchmark of model extraction for generative image models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gexbench.bench import run
    from gexbench.record import RunRecord

__version__ = "0.1.0"
__all__ = ["RunRecord", "__version__", "run"]


def __getattr__(name: str) -> Any:
    """Import `run` and `RunRecord` when they are first used, so that `import gexbench` stays light."""
    if name == "run":
        from gexbench.bench import run

        return run
    if name == "RunRecord":
        from gexbench.record import RunRecord

        return RunRecord
    raise AttributeError(f"module 'gexbench' has no attribute {name!r}")
