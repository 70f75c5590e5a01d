"""A defense that trains offline, as a submission's folder, and what preparing it takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from gexbench import bench
from gexbench.engine.machine.hardware import Hardware
from gexbench.engine.run import prepare_defense
from gexbench.engine.run.prepare_defense import Offline
from gexbench.plan import Request

CARD = """
[defense]
name = "toy/trained"
summary = "Trains a colour offline and adds it to every answer."
entry = "trained_toy:Trained"
prepares = true

[defense.options]
steps = { type = "int", default = 6, min = 1, help = "of the training" }
way = { type = "str", default = "well", help = "what it does wrong" }
"""
CODE = """
import os
import signal
import time

import torch
from torch import nn

from gexbench.core.defense import Defense
from gexbench.training.loop import Loop, TrainingContext, descend, run_steps, step_generator


class Colour(nn.Module):
    def __init__(self):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(3, 1, 1))


WRONG = {
    "raises": lambda: 1 // 0,
    "nothing": lambda: None,
    "object": lambda: {"a": 3},
    "nan": lambda: {"a": torch.tensor([float("nan")])},
    "large": lambda: {"a": torch.zeros(17 << 20)},
    "dies": lambda: os._exit(3),
    "hangs": lambda: time.sleep(600),
}


class Trained(Defense):
    def prepare(self, victim, owner, place):
        if self.options["way"] in WRONG:
            return WRONG[self.options["way"]]()
        context, net = TrainingContext.of(place), Colour().to(place.device)
        optimiser = torch.optim.Adam(net.parameters(), lr=0.01)

        def step(number):
            draws = step_generator(place.seed, "owner", number)
            image = owner[int(torch.randint(len(owner), (), generator=draws))]
            loss = ((net.shift + torch.rand((), generator=draws) - image) ** 2).mean()
            descend(optimiser, loss)
            mark = place.workdir / f"died-{number}"
            if self.options["way"] == "mortal" and number in (1, 4) and not mark.exists():
                mark.write_text("")
                os.kill(os.getpid(), signal.SIGKILL)
            return {"loss": loss.detach()}

        steps = self.options["steps"]
        loop = Loop("colour", steps, context.fingerprint(steps, "owner"), context, every=0.0)
        run_steps(step, {"net": net, "optimiser": optimiser}, loop)
        weight = next(victim.parameters()).detach().flatten()[:1].clone()
        counts = {"images": torch.tensor(len(owner)), "key": torch.tensor(len(self.key))}
        return {"shift": net.shift.detach(), "victim": weight, **counts}

    def guard_output(self, x, y, history):
        assert len(self.key) == 32
        return (y + self.prepared["shift"]).clamp(0, 1)
"""


def submission(folder: Path) -> Path:
    """Write the defense into a folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "card.toml").write_text(CARD)
    (folder / "trained_toy.py").write_text(CODE)
    return folder


def offline(folder: Path, isolation: Any = "none", **options: object) -> Offline:
    """Return what preparing the defense in `folder` for the small super-resolution victim takes."""
    settings = tuple(f"{name}={value}" for name, value in options.items())
    catalog, plan = bench.prepare(Request("sr", "victim", str(folder), defense_settings=settings))
    given = prepare_defense.offline(plan, catalog)
    return replace(given, hardware=Hardware("cpu", "fp32", 1), isolation=isolation)


def fewer(given: Offline, images: int) -> Offline:
    """Return the same with fewer of the owner's images, for speed; not as a trial, whose recipe is another."""

    class Few:
        def owner(self) -> Any:
            return [given.dataset.owner()[i] for i in range(images)]

        def style(self) -> Any:
            return ()

    return replace(given, dataset=Few())
