"""Verbs of many runs for Python callers: a curve over budgets, a matrix of victims and attacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Never

from gexbench.bench import Progress, folders_of, listed, quiet, refuse_unknown
from gexbench.errors import PlanError
from gexbench.plan import RUNS, Isolation, Plan, Request, settings_of
from gexbench.sweeps.plans import Sweep, plan_all
from gexbench.sweeps.work import Watch, Work, run_all

if TYPE_CHECKING:
    from gexbench.boards.cross import Cross
    from gexbench.boards.curve import Curve


def curve(
    task: str,
    attack: str | Path,
    *,
    budgets: str | Iterable[int | str] = (),
    seeds: int | Iterable[int] | None = None,
    defense: str | Path | None = None,
    profile: str = "mini",
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
        profile,
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
    profile: str = "mini",
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
        profile,
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
