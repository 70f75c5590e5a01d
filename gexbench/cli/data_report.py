"""What `gexbench data` tells of a data set that it looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from gexbench.engine.store.datasets import Report

_SHOWN = 20


def faults(report: Report) -> dict[str, tuple[str, ...]]:
    """Return what is wrong by kind of fault; a sentence or a name each."""
    return {
        "missing": report.missing,
        "differing": report.differing,
        "unreadable": report.unreadable,
        "misnamed": report.misnamed,
        "shared": report.shared,
    }


def show(name: str, report: Report, as_json: bool) -> None:
    """Print a report, as one JSON document or in lines."""
    from gexbench.cli.output import print_json

    found = faults(report)
    if not as_json:
        _tell(name, report, found)
        return
    print_json(
        {
            "dataset": name,
            "ok": report.ok,
            **{what: list(lines) for what, lines in found.items()},
            "counts": dict(report.counts),
            "distinct": dict(report.distinct),
            "hint": report.nearby,
        }
    )


def _tell(name: str, report: Report, found: dict[str, tuple[str, ...]]) -> None:
    from gexbench.foreign_text import escaped

    for what, lines in found.items():
        for line in lines[:_SHOWN]:
            typer.echo(f"{what:9}  {escaped(line)}")
        if len(lines) > _SHOWN:
            typer.echo(f"{what:9}  … and {len(lines) - _SHOWN} more, which --json names")
    for split, count in report.counts.items() if any(report.counts.values()) else ():
        distinct = report.distinct.get(split, count)
        copies = f", {distinct} distinct pictures" if distinct < count else ""
        typer.echo(f"{split:14} {count} {'file' if count == 1 else 'files'}{copies}")
    if found["missing"]:
        way_out = report.nearby or "set GEXBENCH_DATA to the folder that holds it"
        typer.echo(f"{name}: incomplete; {way_out}")
    else:
        typer.echo(f"{name}: {'complete' if report.ok else 'not as it should be'}")
