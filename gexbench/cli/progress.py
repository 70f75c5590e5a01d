"""Progress on stderr: a bar with an ETA on a terminal and in a notebook, a line a stage elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from gexbench.foreign_text import escaped

if TYPE_CHECKING:
    from gexbench import bench
    from gexbench.plan import Plan
    from gexbench.sweeps.work import Watch

_MOST, _LONGEST = 50, 60
"""Stages that are shown, and letters of each: what an attack calls them is its own affair."""


_EVERY = 30.0
"""Seconds after which a line says how far a long stage is, where there is no terminal."""


class _Left(TimeRemainingColumn):
    """The time that is left, and nothing for stages of which nobody knows how much there is."""

    def render(self, task: Task) -> Text:
        """Return the cell."""
        return Text() if task.total is None else Text("eta ") + super().render(task)


class Ticker:
    """Show what a run is doing; a context manager whose `tick` has the signature of core.attack.Progress."""

    def __init__(self, silent: bool = False) -> None:
        console = Console(stderr=True)
        self._silent, self._bars = silent, (console.is_terminal or console.is_jupyter) and not silent
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:24}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            _Left(),
            console=console,
            disable=not self._bars,
        )
        self._tasks: dict[str, TaskID] = {}
        self._told = time.monotonic()

    def __enter__(self) -> Ticker:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._progress.tasks:
            if task.total is None:
                self._progress.update(task.id, total=1, completed=1)
        self._progress.stop()

    def tick(self, what: str, done: int, total: int) -> None:
        """Show that `done` of `total` is done; total 0 means that nobody knows how much there is."""
        what = escaped(what)[:_LONGEST]
        if what not in self._tasks and len(self._tasks) >= _MOST:
            what = "others"
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total or None)
            if not self._bars and not self._silent:
                sys.stderr.write(f"{what} …\n")
            self._told = time.monotonic()
        elif not self._bars and not self._silent and time.monotonic() - self._told >= _EVERY:
            sys.stderr.write(f"{what} {f'{done} of {total}' if total else done or '…'}\n")
            self._told = time.monotonic()
        self._progress.update(self._tasks[what], completed=done, total=total or None)


@contextmanager
def progress_bars() -> Iterator[bench.Progress]:
    """Yield what `progress` of `run`, `curve`, `cross` and `score` takes to show a bar for each stage.

    A context manager; the bars are rich's, on a terminal and in a notebook. Elsewhere a stage is a line on stderr.
    Example: `with gexbench.progress_bars() as progress: gexbench.run("sr", "srresnet", progress=progress)`
    """
    with Ticker() as ticker:
        yield ticker.tick


def each_run(many: int, silent: bool) -> Watch:
    """Return what names each of `many` runs on stderr when it begins, and shows its progress."""
    numbers = count(1)

    @contextmanager
    def watch(plan: Plan) -> Iterator[bench.Progress]:
        if not silent:
            sys.stderr.write(f"run {next(numbers)} of {many}: {plan.run_name}\n")
        with Ticker(silent=silent) as ticker:
            yield ticker.tick

    return watch
