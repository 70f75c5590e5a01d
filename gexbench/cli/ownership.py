"""`gexbench ownership`: is this model a copy of the one that was defended?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gexbench.cli.options import Registry

if TYPE_CHECKING:
    from gexbench.ownership import Ownership


def ownership(
    run: Annotated[Path, typer.Option(help="The folder of a run of that defense: its key and questions lie there.")],
    defense: Annotated[str | None, typer.Option(help="The defense that claims; by default that of the run.")] = None,
    suspect: Annotated[
        Path | None,
        typer.Option(help="A run's folder, or one of images: the suspect's answer to each question, of its name."),
    ] = None,
    questions: Annotated[
        Path | None, typer.Option(help="Write what suspects are asked into this folder as PNGs, and judge nothing.")
    ] = None,
    registry: Registry = None,
    code: Annotated[
        Path | None, typer.Option(help="The folder of a plug-in's code, for a suspect's run; it runs unsandboxed.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, nothing else, on stdout.")] = False,
) -> None:
    """Say whether a model learned from a defense's answers: scores, threshold, p, sanity checks, a verdict.

    The suspect is judged as the run's own surrogate was, beside the innocents that are here (`gexbench innocents`).

    Exit codes: 0 there is a verdict, whichever it is; 2 bad input, such as a suspect of another size; 3 the defense
    failed as it judged; 4 what the run was judged on is not here; 5 cannot write.

    Example: `gexbench ownership --run runs/defended --suspect answers`
    """
    from gexbench import claims
    from gexbench.cli.output import print_json, print_model
    from gexbench.cli.progress import Ticker
    from gexbench.errors import PlanError

    if questions is not None:
        many = claims.questions(run, questions)
        if json:
            print_json({"questions": many, "folder": str(questions)})
        else:
            typer.echo(f"{questions}: {many} questions" if many else "this service draws: any images of a suspect's do")
        return
    if suspect is None:
        raise PlanError("--suspect is missing", "give a run's folder or one of images, or --questions FOLDER")
    with Ticker(silent=json) as ticker:
        found = claims.ownership(
            run, suspect, defense=defense, registry=tuple(registry or ()), code=code, progress=ticker.tick
        )
    if json:
        print_model(found)
        return
    for line in lines(found):
        typer.echo(line)


def lines(found: Ownership) -> list[str]:
    """Return a verdict as a person reads it."""
    from gexbench.foreign_text import shown
    from gexbench.ownership import LEVEL

    claims = {"suspect": found.suspect, "marked": found.marked, "plain": found.plain}
    figures = "".join(f"; {shown(name)} {value:.4g}" for name, value in found.suspect.figures.items())
    told = [f"{name:10}{_score(claim.score, claim.p)}" for name, claim in claims.items()]
    told[0] += figures
    n, certify = len(found.innocents), sum(not each.sets_threshold for each in found.innocents)
    if n and found.threshold is not None and found.rank_p is not None and found.level is not None:
        told.append(
            f"innocents {n}, scores {_range([each.score for each in found.innocents])}; rank p {found.rank_p:.3g}"
        )
        told.append(
            f"threshold {found.threshold:.4g}, by {n - certify} of them: false alarms {found.level:.2%} at most"
        )
        low, high = found.false_alarm_rate
        told.append(f"alarms    {found.false_alarms} of the other {certify}: rate {low:.2%} to {high:.2%} (95 %)")
    told.append(f"sane      {'yes' if found.sane else 'no: marked answers are not found, or plain ones are'}")
    told.append(f"certified {LEVEL:.0%} false alarms {'' if found.certified else 'not '}certified")
    if found.note:
        told.append(f"note      {shown(found.note, 600)}")
    told.append(f"verdict   {'DETECTED' if found.detected else 'not detected'}")
    return told


def _range(scores: list[float]) -> str:
    return f"{min(scores):.4g} to {max(scores):.4g}"


def _score(score: float, p: float | None) -> str:
    return f"score {score:.4g}" + ("" if p is None else f", p {p:.3g}")
