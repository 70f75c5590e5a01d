"""The verbs: what the command line and Python callers ask for. Heavy imports wait until a verb needs them."""

from __future__ import annotations

import hashlib
import inspect
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Never

from gexbench.cards.catalog import Catalog, Filed
from gexbench.cards.schema import AttackCard, DatasetCard, DefenseCard, ExtractorCard, MetricCard, TaskCard, VictimCard
from gexbench.comparison import Comparison
from gexbench.errors import CardError, GexbenchError, PlanError, nearest
from gexbench.plan import RUNS, Identity, Isolation, Plan, Request, resolve, settings_of, settled
from gexbench.plan_file import difference, read_plan
from gexbench.record import RunRecord

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much is done, and how much there is; see core.attack.Progress."""


def quiet(what: str, done: int, total: int) -> None:
    """Show no progress."""


def run(
    task: str,
    attack: str | Path,
    *,
    defense: str | Path | None = None,
    profile: str | None = None,
    budget: int | str | None = None,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    defense_options: Mapping[str, Any] | None = None,
    isolation: Isolation = "auto",
    device: str = "auto",
    deadline: float | None = None,
    victim: str | None = None,
    dataset: str | None = None,
    registry: str | Path | Iterable[str | Path] = (),
    trust: bool = False,
    out: str | Path = RUNS,
    progress: Progress = quiet,
    **unknown: Never,
) -> RunRecord:
    """Run an attack on a task and return the record, which is also on disk below `out`.

    attack, defense: a name, or a submission's folder. budget: a number of images, or such as "50%". options,
    defense_options: by name. registry: more folders of cards. trust: whether their data sets' own readers may run, in
    records that are never ranked. deadline: seconds the attack may take. None: the card's
    choice; of a profile mini, or the task's only one. A run that ended well before is returned as it stands; one that
    was killed goes on. Raises GexbenchError for bad input; an attack that fails gives a record with status "failed".
    """
    refuse_unknown(run, unknown)
    request = Request(
        task,
        str(attack),
        None if defense is None else str(defense),
        profile or "",
        None if budget is None else str(budget),
        seed,
        settings_of(options or {}),
        settings_of(defense_options or {}),
        isolation,
        device,
        deadline,
        folders_of(registry),
        victim,
        dataset,
        trust,
    )
    catalog, plan = prepare(request)
    return run_plan(plan, catalog, Path(out), progress)


def score(
    images: str | Path,
    reference: str | Path,
    metrics: str | Sequence[str] = ("fid",),
    *,
    device: str = "auto",
    cache: bool = True,
    strip: str | Sequence[str] = (),
    **unknown: Never,
) -> Comparison:
    """Score the images of one folder or zip against another's, and return the numbers with their passports.

    metrics: names of metric cards, or one text with commas; below 2048 images FID brings KID along. Paired ones want
    equal relative paths, less the ending, on both sides. device: "auto", "cuda", "mps" or "cpu". cache: keep the
    features of each image for later calls. strip: what to take off the ends of file names before they pair. Raises
    GexbenchError naming what is missing or refused.
    """
    from gexbench.engine.scoring.compare import Setup, compare
    from gexbench.engine.scoring.features.images import open_images
    from gexbench.engine.store.paths import features_folder

    refuse_unknown(score, unknown)
    setup = Setup(Catalog.load(), device, features_folder() if cache else None, listed(strip))
    return compare(open_images(images), open_images(reference), listed(metrics), setup, quiet)


def refuse_unknown(verb: Callable[..., object], given: Iterable[str]) -> None:
    """Raise PlanError with the nearest names for the first of the given keywords, which a verb does not have."""
    known = [name for name, each in inspect.signature(verb).parameters.items() if each.kind != each.VAR_KEYWORD]
    for name in given:
        raise PlanError(f"{verb.__name__}() takes no argument {name!r}", nearest(name, known))


def listed(given: str | Path | Iterable[object]) -> tuple[str, ...]:
    """Return names as texts, each once; one text may hold several with commas between."""
    parts = str(given).split(",") if isinstance(given, (str, Path)) else map(str, given)
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def folders_of(given: str | Path | Iterable[str | Path]) -> tuple[Path, ...]:
    """Return folders, of which one may be given alone."""
    return tuple(map(Path, [given] if isinstance(given, (str, Path)) else given))


def prepare(request: Request) -> tuple[Catalog, Plan]:
    """Return the catalog and the plan for a request; an attack or defense given as a folder is read from there."""
    request = name_folders(request)
    catalog = Catalog.load(request.folders, request.trust)
    request = name_victim(settle(request, catalog), catalog)
    return catalog, resolve(request, catalog, identify(request, catalog))


def prepare_file(
    file: Path, folders: Sequence[Path] = (), victim: str | None = None, trust: bool = False
) -> tuple[Catalog, Plan]:
    """Return the catalog and the plan in a file, such as runs/<name>/plan.json.

    victim: where it lies, of a plan with a user's own. trust: as in plan.Request.
    Raises PlanError where it cannot be read, or where cards, weights, data or code are not those it was made with.
    """
    planned, catalog = read_plan(file), Catalog.load(folders, trust)
    try:
        request = planned.request()
        request = request if victim is None else name_victim(replace(request, victim=victim), catalog)
        here = resolve(request, catalog, identify(request, catalog))
    except (CardError, PlanError) as error:
        raise PlanError(
            f"{file}: {error}", f"{error.hint} (cards from elsewhere need --registry, your own victim --victim)"
        ) from None
    unlike = difference(planned, here)
    if unlike:
        raise PlanError(f"{file}: its {unlike}", "install the gexbench it was made with, or name --task and --attack")
    return catalog, here


def settle(request: Request, catalog: Catalog) -> Request:
    """Fill in the usual profile, and what stands in for data that is not here; see plan.settled."""
    from gexbench.engine.store.paths import data_root

    return settled(request, catalog, data_root() is not None)


def name_folders(request: Request) -> Request:
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


def name_victim(request: Request, catalog: Catalog) -> Request:
    """Turn `--victim ./generator.pt` into a card in the catalog and the name on it; raises as store.own_victim does."""
    from gexbench.engine.store.own_victim import Place, is_path, own_victim

    if request.victim is None or not is_path(request.victim):
        return request
    task = catalog.get(TaskCard, request.task)
    scale = task.profile.get(request.profile)
    if scale is None:
        return request
    home = catalog.get(VictimCard, scale.victim).dataset
    learned = home if request.dataset in (None, scale.dataset) else request.dataset
    filed = own_victim(request.victim, Place(task.kind, task.scale, learned or home, scale.side))
    _refuse_readable(filed, catalog)
    catalog.adopt(filed)
    return replace(request, victim=filed.card.name)


def adopt_victim(victim: str | None, plan: Plan, catalog: Catalog) -> None:
    """Enter a user's own victim, where one is named; raises PlanError where it is not called as in the plan."""
    if victim is None:
        return
    named = name_victim(replace(plan.request(), victim=victim), catalog).victim
    if named != plan.victim.name:
        told = f"the record is of victim {plan.victim.name!r}, and {victim} is called {named!r}"
        raise PlanError(told, "give the file, address or card that it was run with")


def _refuse_readable(filed: Filed[VictimCard], catalog: Catalog) -> None:
    """Raise PlanError where a victim's file lies in a plug-in's folder, which its attack may read."""
    named = filed.card.weights
    places = [filed.root.path / named.file] if named else [filed.path]
    places += [filed.path] if filed.path.is_dir() else []
    for file in (Path(os.path.realpath(place)) for place in places):
        for root in catalog.roots:
            if root.code is not None and file.is_relative_to(root.code.resolve()):
                told = f"the victim {file} lies inside {root.origin}, the folder of a plug-in"
                raise PlanError(told, "move it elsewhere")


def identify(request: Request, catalog: Catalog) -> Identity:
    """Return the hashes of victim weights, data-set list, computing code and plug-ins that belong to a request.

    Raises CardError for an unknown name, and for a plug-in that cannot be hashed, or brings large files that its card
    does not name (see engine.machine.plug_in_digest).
    """
    from gexbench.cards.own import is_foreign
    from gexbench.engine.machine.code_digest import Origin, code_digest
    from gexbench.engine.machine.plug_in_digest import plug_in_digest, plug_in_files, refuse_unnamed
    from gexbench.engine.machine.provenance import plug_in_folder
    from gexbench.engine.service.backends import BACKENDS
    from gexbench.engine.store.own_victim import code_file
    from gexbench.engine.store.weights import file_sha256

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
            refuse_unnamed(folder, found, each.card.files)
            plug_ins[role] = plug_in_digest(folder, found)
            files += found
    dataset = catalog.filed(DatasetCard, request.dataset or scale.dataset)
    if dataset.card.is_read_by_others:
        from gexbench.engine.store.own_reader import load_reader  # imports torch

        plug_ins["dataset"], reader = load_reader(dataset)
        files.append(reader)
    victim = catalog.filed(VictimCard, request.victim or scale.victim)
    for role, each in filed.items():
        _refuse_beside(victim, role, each)
    code = code_file(victim)
    if code is not None:
        plug_ins["victim"] = file_sha256(code)
        files.append(code)
    entries += [
        dataset.card.reader,
        victim.card.entry,
        *([BACKENDS[victim.card.backend]] if is_foreign(victim.card) else []),
        *_scored_by(task, request.profile, catalog),
    ]
    return Identity(
        victim_weights=_known_by(victim, catalog),
        dataset_pins=hashlib.sha256(dataset.pins.read_bytes()).hexdigest() if dataset.pins.is_file() else "not pinned",
        code=code_digest(Origin(tuple(entries), task.kind, tuple(files))),
        plug_ins=plug_ins,
    )


def _refuse_beside(victim: Filed[VictimCard], role: str, plug_in: Filed[Any]) -> None:
    """Raise PlanError where a victim's file lies in the folder of a plug-in, all of which the plug-in may read."""
    if victim.card.weights is None or plug_in.root.code is None:
        return
    file = (victim.root.path / victim.card.weights.file).resolve()
    if file.is_relative_to(plug_in.root.code.resolve()):
        told = f"{file}, of victim {victim.card.name!r}, lies in {plug_in.root.origin}, which the {role} may read"
        raise PlanError(told, f"keep {plug_in.card.name} in a folder of its own")


def _known_by(victim: Filed[VictimCard], catalog: Catalog) -> str:
    """Return the hash of what a victim is known by; one behind an address is asked for it when it is first met."""
    from gexbench.cards.own import is_remote
    from gexbench.engine.store.victim_weights import first_answers, weights_sha256

    card = victim.card
    if is_remote(card) and card.weights is None and not first_answers(card).is_file():
        from gexbench.engine.checks.probe_victim import keep_first_answers

        keep_first_answers(victim)
    return weights_sha256(card, catalog)


def _scored_by(task: TaskCard, profile: str, catalog: Catalog) -> list[str]:
    """Return the entries of a task's metrics and of the extractors that these take features from."""
    cards = [catalog.get(MetricCard, name) for name in (*task.metrics_at(profile), *task.costs)]
    extractors = [catalog.get(ExtractorCard, card.features) for card in cards if card.features]
    return [*(card.entry for card in cards), *(extractor.entry for extractor in extractors)]


def run_plan(plan: Plan, catalog: Catalog, out: Path, progress: Progress, keep: bool = True) -> RunRecord:
    """Run a plan below `out`; see engine.run.execute. keep: whether answers are kept beside the record."""
    from gexbench.engine.run.execute import Beside, execute

    _refuse_inside(out, catalog)
    return execute(plan, catalog, out / plan.run_name, progress, Beside(keep=keep))


def make_surrogate(plan: Plan, catalog: Catalog, out: Path, progress: Progress) -> RunRecord:
    """Run a plan below `out` until its surrogate is kept; the record holds no scores."""
    from gexbench.engine.run.execute import Beside, execute

    return execute(plan, catalog, out / plan.run_name, progress, Beside(keep=False, tested=False))


def _refuse_inside(out: Path, catalog: Catalog) -> None:
    """Raise PlanError where run folders would lie in a plug-in's folder, and so change its digest."""
    place = Path(os.path.expanduser(out)).resolve()
    for root in catalog.roots:
        if root.outside and place.is_relative_to(root.path.resolve()) and place != RUNS.resolve():
            raise PlanError(f"--out {out} lies inside {root.origin}, the folder of a plug-in", "give another folder")
