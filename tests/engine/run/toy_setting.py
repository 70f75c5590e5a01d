"""What a run has to work with, small enough for tests of its parts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from gexbench.core.dataset import Split
from gexbench.engine.kinds.kind import task_kind
from gexbench.engine.machine.hardware import Hardware
from gexbench.engine.run.orders import Setting
from gexbench.engine.run.run_folder import RunFolder
from gexbench.engine.store.zip_folder import File
from gexbench.plan import Plan

from ..toy_orders import catalog


def flat(levels: range) -> tuple[Tensor, ...]:
    """Return an image of one grey for each level."""
    return tuple(torch.full((3, 8, 8), level / 255) for level in levels)


class Greys:
    """A data set whose images say by their grey where they come from."""

    def owner(self) -> Sequence[Tensor]:
        """Return the levels 0 to 24."""
        return flat(range(25))

    def style(self) -> Sequence[Tensor]:
        """Return nothing."""
        return ()

    def pool(self) -> Split:
        """Return the levels 100 to 102, their truth is twice as light."""
        return Split(("a", "b", "c"), flat(range(100, 103)), flat(range(200, 206, 2)))

    def tests(self) -> dict[str, Split]:
        """Return the level 150."""
        return {"greys": Split(("t",), flat(range(150, 151)), flat(range(250, 251)))}


def setting(folder: Path, made: Plan) -> Setting:
    """Return the setting of a run in `folder`/runs/one, with a data set of which one file lies on the disk."""
    run = RunFolder(folder / "runs" / "one")
    run.open(made)
    files = {"owner": [File("o.png", folder / "data" / "o.png", "0" * 64)], "test/greys": [File.drawn("test/1")]}
    greys, machine = Greys(), Hardware("cpu", "fp32", 2)
    return Setting(made, catalog(), run, files, greys, greys.tests(), machine, task_kind(made.task.kind))
