"""The processes that torchrun started, as one group that trains a victim together (see training.group)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed

from gexbench.errors import PlanError


@dataclass(frozen=True)
class Seat:
    """What a process of a group has. device: its own. first: whether it is the one that writes the result."""

    device: torch.device
    first: bool = True


@contextmanager
def together(device: str) -> Iterator[Seat]:
    """Open torchrun's group around the block, by NCCL on GPUs and gloo on CPUs; of one process there is none.

    device: the kind, such as "cuda", of which each process takes its own. Raises PlanError where there are too few.
    """
    if not distributed.is_torchelastic_launched() or int(os.environ["WORLD_SIZE"]) == 1:
        yield Seat(torch.device(device))
        return
    place = _own(device, int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if device == "cuda" else "gloo")
    try:
        yield Seat(place, distributed.get_rank() == 0)
        distributed.barrier()  # nobody goes before all is written
    finally:
        distributed.destroy_process_group()


def _own(device: str, number: int) -> torch.device:
    if device == "cpu":
        return torch.device(device)
    if device != "cuda" or number >= torch.cuda.device_count():
        there = torch.cuda.device_count() if device == "cuda" else 1
        raise PlanError(f"process {number} has no device: {there} here", f"torchrun --nproc-per-node {there}")
    torch.cuda.set_device(number)
    return torch.device(device, number)
