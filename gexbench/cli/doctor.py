"""`gexbench doctor`: is this machine fit to run?"""

from __future__ import annotations

from typing import Annotated

import typer


def doctor(
    quick: Annotated[bool, typer.Option("--quick", help="Import no torch and read no weights: a second.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check the installation line by line: torch, sandbox, registry, weights, data, space.

    Exit code 4 when something that every run needs is missing.

    Example: `gexbench doctor --quick`
    """
    from gexbench.cli.output import print_json
    from gexbench.engine.checks.machine import examine

    findings = examine(quick)
    if json:
        print_json({"findings": [vars(finding) for finding in findings]})
    else:
        for finding in findings:
            typer.echo(
                f"{finding.mark} {finding.what:12} {finding.found}"
                + (f"\n    → {finding.advice}" if finding.advice else "")
            )
    if any(finding.mark == "✗" for finding in findings):
        raise typer.Exit(4)
