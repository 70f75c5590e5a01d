"""Progress on stderr: a bar with an ETA on a terminal, a line a stage elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class Ticker:
    """Show what a run is doing; a context manager whose `tick` has the signature of core.attack.Progress."""

    def __init__(self, silent: bool = False) -> None:
        console = Console(stderr=True)
        self._silent, self._bars = silent, console.is_terminal and not silent
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:24}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("eta"),
            TimeRemainingColumn(),
            console=console,
            disable=not self._bars,
        )
        self._tasks: dict[str, TaskID] = {}

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
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total or None)
            if not self._bars and not self._silent:
                sys.stderr.write(f"{what} …\n")
        self._progress.update(self._tasks[what], completed=done, total=total or None)
