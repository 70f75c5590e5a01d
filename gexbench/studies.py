"""Verbs of many runs for Python callers: a curve over budgets, a matrix of victims and attacks, a sweep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Never

from gexbench.bench import Progress, folders_of, listed, quiet, refuse_unknown
from gexbench.errors import PlanError
from gexbench.plan import RUNS, Isolation, Plan, Request, settings_of
from gexbench.sweeps.plans import Sweep, plan_all
from gexbench.sweeps.work import Watch, Work, run_all, without_record

if TYPE_CHECKING:
    from pandas import DataFrame

    from gexbench.boards.cross import Cross
    from gexbench.boards.curve import Curve
    from gexbench.record import RunRecord
    from gexbench.sweeps.executors import Name


def curve(
    task: str,
    attack: str | Path,
    *,
    budgets: str | Iterable[int | str] = (),
    seeds: int | Iterable[int] | None = None,
    defense: str | Path | None = None,
    profile: str | None = None,
    options: Mapping[str, Any] | None = None,
    defense_options: Mapping[str, Any] | None = None,
    isolation: Isolation = "auto",
    device: str = "auto",
    deadline: float | None = None,
    victim: str | None = None,
    dataset: str | None = None,
    registry: str | Path | Iterable[str | Path] = (),
    out: str | Path = RUNS,
    progress: Progress = quiet,
    **unknown: Never,
) -> Curve:
    """Run an attack at several budgets over seeds and return what it reaches at each.

    budgets: numbers of images, or such as "50%"; none for the task's own. seeds: how many from 0 on, or which; None for
    as many as the profile wants. All else as in `run`. A run that fails leaves a gap. Source: section 6.1 of Szyller et
    al. 2023 (arXiv 2104.12623).
    """
    from gexbench.boards.curve import make_curve

    refuse_unknown(curve, unknown)
    request = Request(
        task,
        str(attack),
        None if defense is None else str(defense),
        profile or "",
        settings=settings_of(options or {}),
        defense_settings=settings_of(defense_options or {}),
        isolation=isolation,
        device=device,
        deadline=deadline,
        folders=folders_of(registry),
        victim=victim,
        dataset=dataset,
    )
    catalog, plans = plan_all(Sweep(request, budgets=listed(budgets) or "all", seeds=_seeds(seeds)))
    return make_curve(run_all(plans, Work(catalog, Path(out), _watch(progress))))


def cross(
    task: str,
    victims: str | Iterable[str],
    attacks: str | Path | Iterable[str | Path],
    *,
    seeds: int | Iterable[int] | None = None,
    defense: str | Path | None = None,
    profile: str | None = None,
    budget: int | str | None = None,
    options: Mapping[str, Any] | None = None,
    defense_options: Mapping[str, Any] | None = None,
    isolation: Isolation = "auto",
    device: str = "auto",
    deadline: float | None = None,
    dataset: str | None = None,
    registry: str | Path | Iterable[str | Path] = (),
    out: str | Path = RUNS,
    progress: Progress = quiet,
    **unknown: Never,
) -> Cross:
    """Run every attack on every victim over seeds and return the matrix of the task's main metric.

    victims, attacks: names, in one text with commas between or in a list. options: of every attack. seeds: as in
    `curve`. All else as in `run`. A run that fails leaves a gap.
    """
    from gexbench.boards.cross import make_cross

    refuse_unknown(cross, unknown)
    request = Request(
        task,
        "",
        None if defense is None else str(defense),
        profile or "",
        None if budget is None else str(budget),
        settings=settings_of(options or {}),
        defense_settings=settings_of(defense_options or {}),
        isolation=isolation,
        device=device,
        deadline=deadline,
        folders=folders_of(registry),
        dataset=dataset,
    )
    copied, copying = listed(victims), listed(attacks)
    for role, given in (("victims", copied), ("attacks", copying)):
        if not given:
            raise PlanError(f"{role} names none", f"for example {role}=[…]")
    catalog, plans = plan_all(Sweep(request, victims=copied, attacks=copying, seeds=_seeds(seeds)))
    return make_cross(run_all(plans, Work(catalog, Path(out), _watch(progress))))


def sweep(
    file: str | Path | None = None,
    *,
    executor: Name = "serial",
    jobs: int | None = None,
    address: str | None = None,
    slurm: Mapping[str, str] | None = None,
    retries: int = 1,
    out: str | Path = RUNS,
    keep: bool = True,
    progress: Progress = quiet,
    **lists: Any,
) -> DataFrame:
    """Run every combination of lists and return the scores as `load_records` does, a row a number.

    file: a TOML file; without it its keys are keywords: tasks and attacks, and profiles, defenses, victims, budgets,
    seeds, options, defense_options, exclude and the others of sweeps.file.SweepFile. executor, jobs, address, slurm: as
    the options of `gexbench sweep`. retries: how often a run that fails is tried again. progress: told after each run.
    A run that failed has one row, whose `reason` says why. Processes of the executor "local" import the script that
    calls this, so a script does it under `if __name__ == "__main__":`.
    """
    from gexbench.boards.frame import as_frame
    from gexbench.sweeps.campaign import Campaign
    from gexbench.sweeps.executors import Setup, choose, needs
    from gexbench.sweeps.file import read_sweep, sweep_of
    from gexbench.sweeps.forecast import Timings

    if file is not None and lists:
        raise PlanError(f"{min(lists)} was given beside a file, which says it all", "write it there")
    catalog, plans = plan_all(sweep_of(lists) if file is None else read_sweep(Path(file)))
    where = Path(out)
    need = needs(Timings.of(plans, where)) if executor == "ray" else needs(None)
    chosen = choose(Setup(executor, jobs, address, slurm or {}, need, str(where / ".slurm")))
    by_id, ended = (
        {plan.id: plan for plan in plans},
        Campaign(Work(catalog, where, keep=keep), chosen.executor, retries),
    )

    def records() -> Iterator[tuple[Path | str, RunRecord]]:
        for done, each in enumerate(ended(plans), start=1):
            progress("runs of the sweep", done, len(plans))
            plan = by_id[each.id]
            if isinstance(each.end, Exception):
                yield "", without_record(plan, each.end)
            else:
                yield where / plan.run_name / "record.json", each.end

    return as_frame(records())


def _seeds(given: int | Iterable[int] | None) -> tuple[int, ...] | Literal["all"]:
    if given is None:
        return "all"
    seeds = tuple(range(given)) if isinstance(given, int) else tuple(given)
    if not seeds:
        raise PlanError(f"seeds {given!r} names none", "for example seeds=3, or seeds=[0, 1, 2]")
    return seeds


def _watch(progress: Progress) -> Watch:
    """Return what tells `progress` which run it hears of."""

    @contextmanager
    def watch(plan: Plan) -> Iterator[Progress]:
        yield lambda what, done, total: progress(f"{plan.run_name}: {what}", done, total)

    return watch
