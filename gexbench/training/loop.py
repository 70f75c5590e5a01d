"""One training loop for victims and attacks: steps by number, checkpoints that survive a kill."""

from __future__ import annotations

import copy
import hashlib
import math
import os
import pickle
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from gexbench.core.attack import Brief, Progress
from gexbench.core.defense import Place
from gexbench.core.victim import Studio
from gexbench.errors import PlanError, RunFailed
from gexbench.nets.initialise import Net
from gexbench.training import group
from gexbench.training.losses import LossLog

Step = Callable[[int], Mapping[str, Tensor]]
"""Do one step, by its number, and return its losses: detached tensors of one element."""


class Stateful(Protocol):
    """What a checkpoint holds: networks and optimisers."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any:
        """Take a state over."""
        ...


@dataclass(frozen=True)
class TrainingContext:
    """What any training is given. precision: "fp32" or "bf16" (autocast). workdir: for checkpoints, survives a kill."""

    device: torch.device
    precision: str
    seed: int
    workdir: Path
    progress: Progress

    @classmethod
    def of(cls, given: Brief | Studio | Place) -> TrainingContext:
        """Return what an attack was given of it in its brief, a victim's owner in a studio, a defense in its place."""
        return cls(given.device, given.precision, given.seed, given.workdir, given.progress)

    def fingerprint(self, numbers: object, pixels: str) -> str:
        """Say all that a training's result hangs on: its numbers, as they print, and a hash of the pixels it sees."""
        return f"{numbers} {self.precision} {self.seed} {pixels}"


@dataclass(frozen=True)
class Loop:
    """How long, under which name, and of what kind: a checkpoint of another `fingerprint` is ignored.

    name: also the stem of the checkpoint's file in `context.workdir`. every: seconds between checkpoints. shared: that
    a step takes its share of what it draws and its nets were joined, so that a group can train them (see group).
    """

    name: str
    steps: int
    fingerprint: str
    context: TrainingContext
    every: float = 20.0
    shared: bool = False

    @property
    def file(self) -> Path:
        """Where the checkpoint lies."""
        return self.context.workdir / f"{self.name}.ckpt"

    @property
    def losses(self) -> Path:
        """Where the losses lie."""
        return self.context.workdir / f"{self.name}.losses.jsonl"


def run_steps(step: Step, state: Mapping[str, Stateful], loop: Loop) -> None:
    """Run `step(0)` to `step(loop.steps - 1)`, going on from the last checkpoint of the same fingerprint.

    A step must draw all it draws from `step_generator` with its own number; then a run that was killed anywhere and
    started again ends, on a CPU, with the same weights to the bit. About a hundred times a training, the losses are
    written to `loop.losses`, see LossLog. Of a group the first process writes files. Raises RunFailed when a loss is
    not finite, and PlanError where a group cannot train it.
    """
    if group.size() > 1 and not loop.shared:
        raise PlanError(f"the training {loop.name!r} is not shared by {group.size()} processes", "start one")
    done, writes = _resume(state, loop), group.is_first()
    group.refuse_apart((done, loop.fingerprint), "checkpoint and data")
    log, saved = LossLog(loop.losses, done) if writes else None, time.monotonic()
    for number in range(done, loop.steps):
        found = step(number)
        if _is_logged(number + 1, loop.steps):
            losses = group.averaged(found)
            _refuse_divergence(losses, number, loop.name)
            if log is not None:
                log.add(number + 1, losses)
            loop.context.progress(loop.name, number + 1, loop.steps)
        if writes and (number + 1 == loop.steps or time.monotonic() - saved >= loop.every):
            _save(state, loop, number + 1)
            saved = time.monotonic()
    if group.size() > 1:
        group.refuse_apart(group.digest(state.values()), "weights at the end")


def step_generator(seed: int, stream: str, number: int) -> torch.Generator:
    """Return a fresh CPU generator for one step; `stream` names the use, so that uses do not share draws."""
    return torch.Generator().manual_seed(derived_seed(seed, stream, number))


def derived_seed(seed: int, stream: str, number: int = 0) -> int:
    """Mix a seed, a use and a number into one seed of 63 bits."""
    digest = hashlib.blake2b(f"{seed}/{stream}/{number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


@contextmanager
def drawing(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's own generators inside the block, for layers that take no generator; put them back after it."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def autocast(context: TrainingContext) -> torch.autocast:
    """Return what forward passes run under: bfloat16 where the precision says so."""
    return torch.autocast(context.device.type, torch.bfloat16, enabled=context.precision == "bf16")


def cosine_rate(number: int, steps: int, floor: float = 0.0) -> float:
    """Return the factor on the learning rate at a step: half a cosine from 1 down to `floor`."""
    return floor + (1.0 - floor) * 0.5 * (1.0 + math.cos(math.pi * number / max(steps, 1)))


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all parameter groups."""
    for part in optimiser.param_groups:
        part["lr"] = rate


def descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """Do one step of the optimiser down the loss's gradient."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    group.average_gradients(optimiser)
    optimiser.step()


def finished(net: Net) -> Net:
    """Return the network as it is handed over: evaluation mode, plain memory order, no gradients kept."""
    net.zero_grad(set_to_none=True)
    return net.eval().to(memory_format=torch.contiguous_format)


def _is_logged(done: int, steps: int) -> bool:
    return done == steps or done % max(1, steps // 100) == 0


def _refuse_divergence(losses: Mapping[str, float], number: int, name: str) -> None:
    for key, value in losses.items():
        if not math.isfinite(value):
            raise RunFailed(f"{name}: {key} is {value} at step {number}", "lower the learning rate")


def _save(state: Mapping[str, Stateful], loop: Loop, done: int) -> None:
    loop.context.workdir.mkdir(parents=True, exist_ok=True)
    part = loop.file.with_suffix(".part")
    states = {name: member.state_dict() for name, member in state.items()}
    torch.save({"fingerprint": loop.fingerprint, "done": done, "states": states}, part)
    os.replace(part, loop.file)


def _resume(state: Mapping[str, Stateful], loop: Loop) -> int:
    first = {name: copy.deepcopy(member.state_dict()) for name, member in state.items()}
    try:
        found = torch.load(loop.file, map_location="cpu", weights_only=True)
        if found["fingerprint"] != loop.fingerprint or found["states"].keys() != state.keys():
            return 0
        for name, member in state.items():
            member.load_state_dict(found["states"][name])
        return int(found["done"])
    # what torch.load raises for a torn file is not narrower than this
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, EOFError, pickle.UnpicklingError):
        for name, member in state.items():
            member.load_state_dict(first[name])
        return 0
