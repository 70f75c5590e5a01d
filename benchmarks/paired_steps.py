"""Two loops that take turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

Step = Callable[[int], object]


def descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """Do one step."""
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def medians(steps: Mapping[str, Step], rounds: int, cycle: int) -> dict[str, float]:
    """Return the seconds of a step: those of a cycle, median of the rounds after a first one."""
    found: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(rounds + 1):
        for name, step in steps.items():
            found[name].append(_seconds(step, number * cycle, cycle))
    return {name: statistics.median(values[1:]) for name, values in found.items()}


def _seconds(step: Step, first: int, cycle: int) -> float:
    start = time.perf_counter()
    for number in range(first, first + cycle):
        step(number)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / cycle
