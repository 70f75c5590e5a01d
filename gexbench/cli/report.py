"""A record as a person reads it."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gexbench.cli.output import print_model
from gexbench.foreign_text import escaped, shown
from gexbench.ownership import Ownership
from gexbench.record import Bill, RunRecord

_TAIL, _LINES = 8192, 12
"""How much is read of the end of an attack's log, in bytes, and how many lines are shown."""
MEANING = {"A": "A  victim / truth", "B": "B  surrogate / victim", "C": "C  surrogate / truth"}


def report(record: RunRecord, file: Path, as_json: bool) -> None:
    """Print a record, which lies in `file`: as JSON, or as a table with what to know about it."""
    if as_json:
        print_model(record)
        return
    console = Console()
    if record.status == "ok":
        console.print(score_table(record))
    else:
        console.print(Text.assemble(("failed:", "bold red"), f" {escaped(record.reason or '')}"))
        console.print(came_to(record), highlight=False, markup=False, soft_wrap=True)
    if record.status != "ok" and record.isolation != "none":
        for line in last_words(file.with_name("log.txt")):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    for line in facts(record, file):
        console.print(escaped(line), highlight=False, markup=False, soft_wrap=True)


def came_to(record: RunRecord) -> str:
    """Say how far a failed run came, and what to do."""
    stages = [escaped(stage) for stage in record.seconds if stage != "score"]
    stage = f" in the stage {stages[-1]}" if stages else ""
    answered, budget = record.account.answered, record.account.budget
    return f"It ended{stage} with {answered} of {budget} answers; the same command tries again, and these are paid for."


def verdict_line(found: Ownership) -> str:
    """Return a verdict on ownership in one line."""
    ps = {"p": found.suspect.p, "rank p": found.rank_p}
    told = "".join(f", {name} {p:.3g}" for name, p in ps.items() if p is not None)
    verdict = "detected" if found.detected else "not detected"
    insane = "" if found.sane else "; the sanity check failed"
    note = f" ({found.note})" if found.note else ""
    return f"{verdict}: score {found.suspect.score:.4g}{told}, {len(found.innocents)} innocents{insane}{note}"


def last_words(log: Path) -> list[str]:
    """Return the last lines that an attack wrote, and where they lie; none where it wrote nothing."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL))
            text = file.read(_TAIL).decode(errors="replace")
    except OSError:
        return []
    lines = [f"  | {shown(line)}" for line in text.splitlines() if line.strip()][-_LINES:]
    return [*lines, f"log       {escaped(str(log))}"] if lines else []


def score_table(record: RunRecord) -> Table:
    """Return the scores as a table: a row a metric and test split, a column a comparison."""
    plan = record.plan
    defended = f" against {plan.defense.name}" if plan.defense else ""
    title = (
        f"{plan.attack.name} on {plan.task.name}@{plan.task.version}{defended} · {plan.profile.name} · seed {plan.seed}"
    )
    compares = [c for c in MEANING if any(s.compare == c for s in record.scores)]
    table = Table("test", "metric", title=Text(title), title_justify="left")
    for compare in compares:
        table.add_column(MEANING[compare], justify="right")
    for test in dict.fromkeys(s.test for s in record.scores):
        for metric in dict.fromkeys(s.metric for s in record.scores):
            cells = [_cell(record, test, metric, compare) for compare in compares]
            main = plan.task.main.metric == metric
            table.add_row(test, metric, *cells, style="bold" if main else None)
        table.add_section()
    return table


def _cell(record: RunRecord, test: str, metric: str, compare: str) -> str:
    for s in record.scores:
        if (s.test, s.metric, s.compare) == (test, metric, compare):
            arrow = next(card.arrow for card in record.plan.metrics if card.name == metric)
            return f"{_number(s.value, s.unit)}{'' if s.unit == 'dB' else ' '}{arrow}"
    return "—"


def _number(value: float, unit: str, sign: str = "") -> str:
    return f"{value:{sign}.2f} dB" if unit == "dB" else f"{value:{sign}.4f}"


def _gaps(record: RunRecord) -> list[str]:
    """Return how far the surrogate is from the truth beyond the victim, a line a test split, by the main metric."""
    metric = record.plan.task.main.metric
    found = {(s.test, s.compare): s for s in record.scores if s.metric == metric}
    return [
        f"gap       {metric} on {test}: C - A = {_number(found[test, 'C'].value - a.value, a.unit, '+')}"
        for (test, compare), a in found.items()
        if compare == "A" and (test, "C") in found
    ]


def _paid(bill: Bill) -> str:
    lost = bill.tries - bill.calls
    beside = f"; {lost} more got no answer and may have been charged" if lost else ""
    each = f"{bill.price:.6f}".rstrip("0").rstrip(".") or "0"
    return f"paid      {bill.paid_usd:.2f} USD for {bill.calls} calls at {each}, {bill.watched} to watch it{beside}"


def facts(record: RunRecord, file: Path) -> list[str]:
    """Return what stands below the table."""
    account, plan = record.account, record.plan
    lines = [
        *_gaps(record),
        f"queries   {account.answered} of {account.budget} answered, {account.replayed} replayed, "
        f"{account.refused} refused; {record.cost_usd:.2f} USD at {plan.task.price} a query",
        *([_paid(record.bill)] if record.bill else []),
        *([f"attempts  {account.sessions}, all counted together"] if account.sessions > 1 else []),
        f"isolation {record.isolation}"
        + ("" if record.isolation == "landlock" else "  (this system or run has no sandbox)"),
        "seconds   " + ", ".join(f"{stage} {value:.1f}" for stage, value in record.seconds.items()),
    ]
    for cost in (*record.honest_cost, *record.queried_cost):
        of = f"on {cost.test}" if cost in record.honest_cost else f"on {cost.n} of the attack's own questions"
        lines.append(f"honest    {cost.metric} {of}: {cost.value:.4f} {cost.unit} (defended against undefended)")
    if record.ownership is not None:
        lines.append(f"ownership {verdict_line(record.ownership)}")
    lines += [f"absent    {metric}: {why}" for metric, why in record.absent.items()]
    lines += [f"incident  {text}" for text in record.incidents]
    if (picture := file.with_name("samples.png")).exists():
        lines.append(f"picture   {picture}")
    return [*lines, f"record    {file}"]
