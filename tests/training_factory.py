"""What trainings, attacks and victims are given in tests, how they are stopped, and whether two nets are the same."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from gexbench.core.attack import Brief, Progress
from gexbench.core.victim import Studio
from gexbench.training.loop import TrainingContext


class Interrupted(Exception):
    """What stops a training in a test."""


def quiet(what: str, done: int, total: int) -> None:
    """Take no notice of progress."""


def stopping_at(steps: int, phase: str = "") -> Progress:
    """Return what stops a training when so many steps are done, in the phase named if one is."""

    def progress(what: str, done: int, total: int) -> None:
        if done == steps and phase in ("", what):
            raise Interrupted

    return progress


def checkpoint_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the training loop's clock run so fast that each step is followed by a checkpoint."""
    monkeypatch.setattr("gexbench.training.loop.time.monotonic", count(0, 30).__next__)


def context_in(folder: Path, seed: int = 0) -> TrainingContext:
    """Return a CPU and a folder."""
    return TrainingContext(torch.device("cpu"), "fp32", seed, folder, quiet)


def brief_in(folder: Path, **fields: Any) -> Brief:
    """Return a brief of seed 0 for a service that keeps the size and answers twelve questions; without a pool."""
    usual: dict[str, Any] = {
        "pool": [],
        "truth": None,
        "scale": 1,
        "budget": 12,
        "knowledge": frozenset({"outputs"}),
        "device": torch.device("cpu"),
        "precision": "fp32",
        "seed": 0,
        "generator": torch.Generator().manual_seed(0),
        "deadline": 60.0,
        "options": {},
        "workdir": folder,
        "progress": quiet,
    }
    return Brief(**{**usual, **fields})


def studio_in(folder: Path, **fields: Any) -> Studio:
    """Return an owner's studio of seed 0, without images."""
    usual: dict[str, Any] = {
        "owner": (),
        "style": (),
        "scale": 1,
        "net": {},
        "options": {},
        "assets": {},
        "device": torch.device("cpu"),
        "precision": "fp32",
        "seed": 0,
        "workdir": folder,
        "progress": quiet,
    }
    return Studio(**{**usual, **fields})


def equal(one: nn.Module, other: nn.Module) -> bool:
    """Whether two nets have the same weights and buffers, to the bit."""
    first, second = one.state_dict(), other.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)
