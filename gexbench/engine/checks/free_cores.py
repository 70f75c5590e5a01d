"""How many threads the small runs of a check take: their nets are small, and threads without a core cost most."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gexbench.engine.machine.hardware import cores

BOUND = "OMP_NUM_THREADS"


def free_cores() -> int:
    """Return how many cores nothing has filled during the last minute, one at least."""
    busy = round(os.getloadavg()[0]) if hasattr(os, "getloadavg") else 0
    return max(1, cores() - busy)


@contextmanager
def on_free_cores() -> Iterator[None]:
    """Bound the threads of this process, and of each that it starts inside the block, by the cores free now."""
    before, threads, free = os.environ.get(BOUND), torch.get_num_threads(), free_cores()
    os.environ[BOUND] = str(free)
    torch.set_num_threads(free)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        if before is None:
            del os.environ[BOUND]
        else:
            os.environ[BOUND] = before
