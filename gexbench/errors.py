"""Every error gexbench raises on purpose: a message, a hint, and the exit code the command line ends with."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GexbenchError(Exception):
    """Say what was refused and, in `hint`, the nearest way out, which a traceback shows too.

    `exit_code` is what the command line ends with: 2 bad input, 3 the run failed, 4 an asset or data is missing,
    5 an output cannot be written.
    """

    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        if hint:
            self.add_note(f"hint: {hint}")


class CardError(GexbenchError):
    """A card is broken, missing or there twice."""


class PlanError(GexbenchError):
    """A run was asked for that the cards do not allow."""


class BoardError(GexbenchError):
    """A record cannot stand on a board."""


class SubmissionError(GexbenchError):
    """A submission is not what it says, or what it was signed as."""


class QueryError(GexbenchError):
    """The oracle refused a question; nothing was charged."""


class BudgetError(QueryError):
    """A batch would go over the budget; nothing was charged."""


class RunFailed(GexbenchError):
    """A run ended without a score; its record says why."""

    exit_code = 3


class SurrogateError(GexbenchError):
    """A surrogate that cannot be kept, or not be built anew from what was kept."""


class AssetMissing(GexbenchError):
    """A weight file is not here, or is not what its card says."""

    exit_code = 4


class EndpointError(GexbenchError):
    """A victim behind an address does not answer, or not with an image; what was paid for is kept."""

    exit_code = 4


class DataMissing(GexbenchError):
    """A data set is not here, or differs from its card."""

    exit_code = 4


class OutputError(GexbenchError):
    """A file or folder cannot be written."""

    exit_code = 5


class Busy(OutputError):
    """Somebody else is at work on the same run; it will have its record from there."""


class WorkerLost(RunFailed):
    """The process or machine that had a run to do went away before it said how that ended."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Name the known names closest to `name`, as a hint; all of them where few are known."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return "did you mean " + " or ".join(close) + "?"
    return "known: " + ", ".join(names) if names else "none is known"
