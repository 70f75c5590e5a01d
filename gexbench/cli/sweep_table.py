"""What is shown of a sweep: what it will take, how far it is, and what became of each run."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gexbench.cards.fields import Compare
from gexbench.cli.output import SCHEMA_VERSION, print_json
from gexbench.foreign_text import shown
from gexbench.plan import Plan
from gexbench.sweeps.campaign import Campaign, finished
from gexbench.sweeps.exclude import NO_DEFENSE
from gexbench.sweeps.forecast import Forecast, Timings, forecast, told
from gexbench.sweeps.work import Ended, reason_of

if TYPE_CHECKING:
    from rich.table import Table

COMPARES: tuple[Compare, ...] = ("A", "B", "C")


def show_forecast(plans: Sequence[Plan], out: Path, timings: Timings, width: int, as_json: bool) -> None:
    """Print what is left of a sweep, as text or as one JSON document."""
    done = {plan.id for plan in plans if finished(plan, out) is not None}
    found = forecast(plans, done, timings, width)
    if as_json:
        print_json({"forecast": told(found)})
        return
    for line in _forecast_lines(found, width):
        sys.stdout.write(line + "\n")


def _forecast_lines(found: Forecast, width: int) -> Iterator[str]:
    timed = found.runs - found.done - found.untimed
    yield f"runs      {found.runs}, of which {found.done} are done"
    if timed:
        sources = [(found.own, "by runs here"), (timed - found.own, "by published records, of other machines")]
        by = " and ".join(f"{many} {where}" for many, where in sources if many)
        yield f"time      {clock(found.hours * 3600)} with {width} at once; {timed} runs are timed, {by}"
    if found.untimed:
        yield f"          no record tells how long {found.untimed} runs take; run one of each, and ask again"
    yield f"queries   {found.usd:.2f} USD"
    sized = found.runs - found.done - found.unsized
    yield f"disk      {found.disk / 1e9:.2f} GB" + (f" for {sized} runs" if found.unsized else "")
    if found.unsized:
        yield f"          no run here tells how much {found.unsized} runs take"


def clock(seconds: float) -> str:
    """Return a time as a person says it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


@dataclass
class Standing:
    """How far a sweep is. expected: seconds of each plan that has not ended, by id, None where nobody knows."""

    expected: dict[str, float | None]
    width: int
    total: int = 0
    done: int = 0
    failed: int = 0
    _spent: float = 0.0
    _foreseen: float = 0.0
    _timed: int = 0
    _begun: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.total = len(self.expected)

    @property
    def left(self) -> int:
        """Return how many plans have not ended."""
        return len(self.expected)

    def take(self, ended: Ended) -> None:
        """Count a run that has ended."""
        foreseen = self.expected.pop(ended.id)
        self.done, self.failed = self.done + (not ended.failed), self.failed + ended.failed
        if ended.seconds and not ended.failed:
            self._timed += 1
            self._spent += ended.seconds
            self._foreseen += foreseen or 0.0

    def seconds_left(self) -> float | None:
        """Return when all will have ended, corrected by how wrong was what was expected so far; None if unknown."""
        left = list(self.expected.values())  # at once: what is shown is drawn by a thread of its own
        known = [seconds for seconds in left if seconds is not None]
        usual = self._spent / self._timed if self._timed else None
        unknown = len(left) - len(known)
        if unknown and usual is None:
            return None
        ratio = self._spent / self._foreseen if self._foreseen and not unknown else 1.0
        return (sum(known) * ratio + unknown * (usual or 0.0)) / max(1, min(self.width, len(left)))

    def table(self) -> Table:
        """Return all this as a table of one row."""
        from rich.table import Table

        made = Table("runs", "done", "running", "failed", "waiting", "time", "eta", title_justify="left")
        running, eta = min(self.width, self.left), self.seconds_left()
        numbers = (self.total, self.done, running, self.failed, self.left - running)
        passed = clock(time.monotonic() - self._begun)
        made.add_row(*map(str, numbers), passed, "?" if eta is None else clock(eta))
        return made


def watched(plans: Sequence[Plan], campaign: Campaign, timings: Timings, width: int, as_json: bool) -> int:
    """Run a campaign while its table is shown, and return how many runs failed; as_json: a line a run instead.

    Raises the first error where it kept every run from having a record.
    """
    standing = Standing({plan.id: timings.expected(plan).seconds for plan in plans}, width)
    by_id = {plan.id: plan for plan in plans}
    first, recorded, reasons = None, 0, list[str]()
    with _live(standing, as_json) as say:
        for ended in campaign(plans):
            plan = by_id[ended.id]
            standing.take(ended)
            if isinstance(ended.end, Exception):
                first = first or ended.end
            else:
                recorded += 1
            if ended.failed:
                reasons.append(f"failed    {plan.run_name}: {shown(_reason(ended))}")
            say(json.dumps(as_line(plan, ended, campaign.work.out)) if as_json else _words(plan, ended))
    if first is not None and not recorded:
        raise first
    if not as_json:
        told_lines = [f"done      {standing.done} of {standing.total} runs", *reasons, f"records   {campaign.work.out}"]
        sys.stdout.write("".join(f"{line}\n" for line in told_lines))
    return standing.failed


@contextmanager
def _live(standing: Standing, as_json: bool) -> Iterator[Any]:
    """Give what says a line: on stdout for JSON, else on stderr, there above a table where it is a terminal."""
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    if as_json:
        yield lambda line: print(line, flush=True)
    elif not console.is_terminal:
        yield lambda line: print(line, file=sys.stderr, flush=True)
    else:
        with Live(get_renderable=standing.table, console=console, refresh_per_second=1) as live:
            yield lambda line: live.console.print(line, markup=False, highlight=False, soft_wrap=True)


def _words(plan: Plan, ended: Ended) -> str:
    if isinstance(ended.end, Exception) or ended.failed:
        return f"failed  {plan.run_name}: {shown(_reason(ended))}"
    metric = plan.task.main.metric
    values = {compare: ended.end.score(metric, compare) for compare in COMPARES}
    scores = "  ".join(f"{compare} {value:.4g}" for compare, value in values.items() if value is not None)
    return f"{'done   ' if ended.seconds else 'earlier'} {plan.run_name}  {metric}  {scores}"


def _reason(ended: Ended) -> str:
    return reason_of(ended.end) if isinstance(ended.end, Exception) else ended.end.reason


def as_line(plan: Plan, ended: Ended, out: Path) -> Mapping[str, Any]:
    """Return what a JSON line says of a run. earlier: it had its record before; scores: the main metric's."""
    record = None if isinstance(ended.end, Exception) else ended.end
    metric = plan.task.main.metric
    scores = {compare: record.score(metric, compare) if record else None for compare in COMPARES}
    return {
        "schema_version": SCHEMA_VERSION,
        "run": plan.run_name,
        "id": plan.id,
        "status": "failed" if ended.failed else "ok",
        "reason": _reason(ended) if ended.failed else "",
        "earlier": not ended.seconds,
        "seconds": round(ended.seconds, 3),
        "task": plan.task.name,
        "profile": plan.profile.name,
        "attack": plan.attack.name,
        "options": plan.options,
        "defense": plan.defense.name if plan.defense else NO_DEFENSE,
        "defense_options": plan.defense_options,
        "victim": plan.victim.name,
        "budget": plan.budget,
        "seed": plan.seed,
        "metric": metric,
        "scores": {compare: _plain(value) for compare, value in scores.items()},
        "answered": record.account.answered if record else None,
        "cost_usd": record.cost_usd if record else None,
        "record": str(out / plan.run_name / "record.json") if record else None,
    }


def _plain(value: float | None) -> float | str | None:
    """Return a number as JSON has it: identical images have an infinite PSNR."""
    return str(value).replace("inf", "Infinity") if value in (float("inf"), float("-inf")) else value
