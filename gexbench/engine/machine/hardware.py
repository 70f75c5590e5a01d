"""Which device and precision a run gets."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import torch

from gexbench.errors import PlanError


@dataclass(frozen=True)
class Hardware:
    """device: "cuda", "mps" or "cpu". precision: "fp32" or "bf16" (autocast). threads: of one process."""

    device: str
    precision: str
    threads: int


def choose(device: str, autocast: bool) -> Hardware:
    """Return CUDA, else MPS, else CPU, or the device asked for; raises PlanError when it is not here."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    name = next(d for d in there if there[d]) if device == "auto" else device
    if not there.get(name, False):
        raise PlanError(
            f"--device {device!r} is not here", "this machine has " + ", ".join(d for d in there if there[d])
        )
    return Hardware(name, "bf16" if autocast and has_fast_bf16(name) else "fp32", cores())


def has_fast_bf16(device: str) -> bool:
    """Return whether bf16 products are done in hardware."""
    if device == "cuda":
        return torch.cuda.get_device_capability()[0] >= 8
    return device == "cpu" and bool(re.search(r"\b(avx512_bf16|amx_bf16)\b", _cpuinfo()))


def cores() -> int:
    """Return how many cores this process may use, at most 8: the nets of one run do not fill more.

    OMP_NUM_THREADS, where it is set, bounds them, as it bounds PyTorch: of two runs side by side, each whose threads
    wait for each other on cores that the other fills is many times slower.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    told = os.environ.get("OMP_NUM_THREADS", "")
    return min(usable, 8, max(1, int(told)) if told.isdecimal() else usable)


def processor() -> str:
    """Return the processor's name, or the empty text."""
    found = re.search(r"^model name\s*:\s*(.+)$", _cpuinfo(), re.MULTILINE)
    return found.group(1).strip() if found else ""


def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
