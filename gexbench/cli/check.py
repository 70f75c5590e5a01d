"""`gexbench check`: does a plug-in keep to its contract."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gexbench.engine.checks.small_runs import Finding


def check(
    path: Annotated[Path, typer.Argument(help="A plug-in's folder, a folder of cards, or a submission.")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document, nothing else, on stdout.")] = False,
) -> None:
    """Say line by line whether an attack or a defense keeps to its contract.

    It is looked at in a process of its own and run twice with 16 questions: under a minute on a CPU. Of a submission,
    each of its plug-ins is.

    Example: `gexbench check submissions/example/nearest`
    """
    from gexbench import bench
    from gexbench.engine.checks.plug_in import check_folder
    from gexbench.submission.layout import is_submission, open_submission

    findings: list[Finding] = []
    for place in open_submission(path).plug_ins if is_submission(path) else (path,):
        for finding in check_folder(place, bench.prepare):
            findings.append(finding)
            if not json:
                _say(finding)
    _conclude(path, findings, json)
    if not all(finding.passed for finding in findings):
        raise typer.Exit(2)


def _say(finding: Finding) -> None:
    mark = typer.style("✓", fg="green") if finding.passed else typer.style("✗", fg="red")
    typer.echo(f"{mark} {finding.subject}  {finding.what}: {finding.detail}")


def _conclude(path: Path, findings: list[Finding], as_json: bool) -> None:
    from dataclasses import asdict

    from gexbench.cli.output import print_json

    failed = sum(not finding.passed for finding in findings)
    if as_json:
        print_json({"path": str(path), "passed": not failed, "checks": [asdict(finding) for finding in findings]})
    else:
        typer.echo(f"{failed} of {len(findings)} checks failed" if failed else f"all {len(findings)} checks passed")
