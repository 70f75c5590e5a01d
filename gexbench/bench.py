"""The verbs: what the command line and Python callers ask for. Heavy imports wait until a verb needs them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gexbench.cards.catalog import Catalog, Filed
from gexbench.cards.schema import AttackCard, DatasetCard, DefenseCard, ExtractorCard, MetricCard, TaskCard, VictimCard
from gexbench.errors import GexbenchError
from gexbench.plan import Identity, Plan, Request, resolve
from gexbench.record import Comparison, RunRecord

if TYPE_CHECKING:
    from gexbench.boards.curve import Curve

Tick = Callable[[str, int, int], None]
RUNS = Path("runs")


def quiet(what: str, done: int, total: int) -> None:
    """Show no progress."""


def run(
    task: str, attack: str, *, out: str | Path = RUNS, options: Mapping[str, Any] | None = None, **request: Any
) -> RunRecord:
    """Run an attack on a task and return the record, which is also on disk below `out`.

    options: the attack's options by name. request: any other field of plan.Request, such as defense="jpeg",
    profile="small", budget="50%", seed=1. A run that ended well before is returned as it stands; one that was
    killed goes on. Raises GexbenchError for bad input; an attack that fails gives a record with status "failed".
    """
    settings = tuple(f"{key}={_text(value)}" for key, value in (options or {}).items())
    catalog, plan = prepare(Request(task, attack, settings=settings, **request))
    return run_plan(plan, catalog, Path(out), quiet)


def curve(
    task: str,
    attack: str,
    *,
    out: str | Path = RUNS,
    budgets: Sequence[str] = (),
    seeds: int | None = None,
    options: Mapping[str, Any] | None = None,
    **request: Any,
) -> Curve:
    """Run an attack at several budgets over the seeds 0, 1, … and return what it reaches at each.

    budgets: numbers of images, or such as "50%"; none for the task's own. seeds: how many; None for the profile's
    number. All else as in `run`. A run that fails leaves a gap. Source: section 6.1 of Szyller et al. 2023 (arXiv
    2104.12623).
    """
    from gexbench.boards.curve import make_curve

    settings = tuple(f"{key}={_text(value)}" for key, value in (options or {}).items())
    catalog, plans = plan_curve(Request(task, attack, settings=settings, **request), budgets, seeds)
    return make_curve([run_plan(plan, catalog, Path(out), quiet) for plan in plans])


def score(
    images: str | Path,
    reference: str | Path,
    metrics: Sequence[str] = ("fid",),
    *,
    device: str = "auto",
    cache: bool = True,
) -> Comparison:
    """Score the images of one folder or zip against another's, and return the numbers with their passports.

    metrics: names of metric cards; below 2048 images FID brings KID along. Paired ones want equal relative paths, less
    the ending, on both sides. device: "auto", "cuda", "mps" or "cpu". cache: keep the features of each image for later
    calls. Raises GexbenchError naming what is missing or refused.
    """
    from gexbench.engine.scoring.compare import Setup, compare
    from gexbench.engine.scoring.features.images import open_images
    from gexbench.engine.store.paths import features_folder

    setup = Setup(Catalog.load(), device, features_folder() if cache else None)
    return compare(open_images(images), open_images(reference), metrics, setup, quiet)


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def prepare(request: Request) -> tuple[Catalog, Plan]:
    """Return the catalog and the plan for a request; an attack or defense given as a folder is read from there."""
    request = _name_folders(request)
    catalog = Catalog.load(request.folders)
    return catalog, resolve(request, catalog, identify(request, catalog))


def _name_folders(request: Request) -> Request:
    """Turn `--attack ./folder` into the folder's card root and the name on its card."""
    from gexbench.cards.roots import named_root

    for role, kind in (("attack", AttackCard), ("defense", DefenseCard)):
        given = getattr(request, role)
        if given is None or not (given.startswith((".", "/", "~")) or (Path(given) / "card.toml").is_file()):
            continue
        cards = Catalog((named_root(Path(given)),)).all(kind)
        if len(cards) != 1:
            raise GexbenchError(f"{given} holds no submission of an {role}", "give the folder that holds card.toml")
        folders = (*request.folders, Path(given))
        request = replace(request, **{role: next(iter(cards))}, folders=folders)  # type: ignore[arg-type]
    return request


def identify(request: Request, catalog: Catalog) -> Identity:
    """Return the hashes of victim weights, data-set list, computing code and plug-ins that belong to a request.

    Raises CardError for an unknown name, and for a plug-in that cannot be hashed (see `plug_in_files`).
    """
    from gexbench.engine.machine.code_digest import Origin, code_digest
    from gexbench.engine.machine.plug_in_digest import plug_in_digest, plug_in_files
    from gexbench.engine.machine.provenance import plug_in_folder
    from gexbench.engine.store.victim_weights import weights_sha256

    task = catalog.get(TaskCard, request.task)
    scale = task.profile.get(request.profile)
    if scale is None:
        return Identity("", "", "")
    filed: dict[str, Filed[AttackCard] | Filed[DefenseCard]] = {"attack": catalog.filed(AttackCard, request.attack)}
    if request.defense:
        filed["defense"] = catalog.filed(DefenseCard, request.defense)
    entries, plug_ins, files = list[str](), dict[str, str](), list[Path]()
    for role, each in filed.items():
        entries += [each.card.entry] if each.card.entry else []
        folder = plug_in_folder(each.card.entry, each.root.code) if each.card.entry else None
        if folder is not None:
            found = plug_in_files(folder, (each.path, RUNS))
            plug_ins[role] = plug_in_digest(folder, found)
            files += found
    dataset = catalog.filed(DatasetCard, request.dataset or scale.dataset)
    victim = catalog.get(VictimCard, request.victim or scale.victim)
    entries += [dataset.card.reader, victim.entry, *_scored_by(task, request.profile, catalog)]
    return Identity(
        victim_weights=weights_sha256(victim, catalog),
        dataset_pins=hashlib.sha256(dataset.pins.read_bytes()).hexdigest() if dataset.pins.is_file() else "not pinned",
        code=code_digest(Origin(tuple(entries), task.kind, tuple(files))),
        plug_ins=plug_ins,
    )


def _scored_by(task: TaskCard, profile: str, catalog: Catalog) -> list[str]:
    """Return the entries of a task's metrics and of the extractors that these take features from."""
    cards = [catalog.get(MetricCard, name) for name in (*task.metrics_at(profile), *task.honest_cost)]
    extractors = [catalog.get(ExtractorCard, card.features) for card in cards if card.features]
    return [*(card.entry for card in cards), *(extractor.entry for extractor in extractors)]


def plan_curve(request: Request, budgets: Sequence[str], seeds: int | None) -> tuple[Catalog, list[Plan]]:
    """Return the catalog and the plans of an efficiency study: at each budget the seeds 0, 1, … of a request.

    budgets: numbers of images, or such as "50%"; none for those of the task's card. seeds: how many; None for as many
    as the profile wants.
    """
    request = _name_folders(request)
    catalog = Catalog.load(request.folders)
    identity = identify(request, catalog)
    first = resolve(request, catalog, identity)
    texts = budgets or [str(budget) for budget in first.task.profile[first.profile.name].budgets]
    wanted = range(first.profile.seeds if seeds is None else seeds)
    chosen = [replace(request, budget=budget, seed=seed) for budget in texts for seed in wanted]
    plans = {plan.id: plan for plan in (resolve(each, catalog, identity) for each in chosen)}
    return catalog, list(plans.values())


def plan_cross(
    request: Request, victims: Sequence[str], attacks: Sequence[str], seeds: int | None
) -> tuple[Catalog, list[Plan]]:
    """Return the catalog and the plans of every attack on every victim, each at the seeds 0, 1, … of a request.

    seeds: how many; None for as many as the profile wants.
    """
    catalog = Catalog.load(request.folders)
    plans = []
    for victim, attack in product(victims, attacks):
        each = replace(request, victim=victim, attack=attack)
        identity = identify(each, catalog)
        first = resolve(replace(each, seed=0), catalog, identity)
        wanted = range(first.profile.seeds if seeds is None else seeds)
        plans += [first.model_copy(update={"seed": seed}) for seed in wanted]
    return catalog, plans


def run_plan(plan: Plan, catalog: Catalog, out: Path, tick: Tick) -> RunRecord:
    """Run a plan below `out`; see engine.execute."""
    from gexbench.engine.run.execute import execute

    return execute(plan, catalog, out / plan.run_name, tick)
