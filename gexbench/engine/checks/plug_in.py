"""What `gexbench check` does: read the cards, look at each plug-in in a child, then run it twice, small."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from gexbench.cards.catalog import FOLDERS, Catalog
from gexbench.cards.roots import CardRoot, installed_roots, named_root
from gexbench.cards.schema import AttackCard, DefenseCard, TaskCard
from gexbench.engine.checks.free_cores import on_free_cores
from gexbench.engine.checks.inspect import inspect
from gexbench.engine.checks.small_runs import (
    PROFILE,
    Finding,
    Inspected,
    Subject,
    attack_runs,
    defense_runs,
    prepared_twice,
    shrunk,
    told,
)
from gexbench.errors import CardError, PlanError
from gexbench.plan import Plan, Request

Prepare = Callable[[Request], tuple[Catalog, Plan]]


def check_folder(path: Path, prepare: Prepare) -> Iterator[Finding]:
    """Look at every attack and defense at `path`, a submission or a folder of cards, and yield what is found.

    prepare: bench.prepare. A subject's findings end with the first that leaves nothing to look at. Raises
    AssetMissing, DataMissing or OutputError when the machine, not the plug-in, stands in the way.
    """
    root = named_root(path)
    try:
        subjects = _subjects(root)
    except CardError as error:
        yield Finding(str(path), "card", False, told(error))
        return
    if not subjects:
        yield Finding(str(path), "card", False, "no card of an attack or a defense lies there")
    for subject in subjects:
        space = subject.name.partition("/")[0]
        yield Finding(subject.name, "card", True, f"valid, and its name carries a namespace, {space}")
        place = TemporaryDirectory(prefix="gexbench-check-", ignore_cleanup_errors=True)
        with on_free_cores(), place as folder:
            yield from _examined(subject, root, prepare, Path(folder).resolve())


def _subjects(root: CardRoot) -> list[Subject]:
    """Read every card of a root; raises CardError for the first that is broken."""
    catalog = Catalog((root,))
    for kind in FOLDERS:
        catalog.all(kind)
    kinds: tuple[type[Subject], ...] = (AttackCard, DefenseCard)
    return [filed.card for kind in kinds for filed in catalog.all(kind).values()]


def _examined(subject: Subject, root: CardRoot, prepare: Prepare, folder: Path) -> Iterator[Finding]:
    try:
        catalog, plan = prepare(_request(subject, root))
        inspected = Inspected(subject, catalog, shrunk(plan, subject), folder)
    except (CardError, PlanError) as error:
        yield Finding(subject.name, "plan", False, told(error))
        return
    yield inspected.finding("plan", True, f"fits the task {plan.task.name}@{plan.task.version}")
    claims = inspect(inspected.order, folder / "inspection") if subject.entry else []
    for claim in claims:
        yield inspected.finding(claim.what, claim.right, claim.detail)
    if not all(claim.right for claim in claims):
        return
    if isinstance(subject, DefenseCard) and subject.prepares:
        artefact = yield from prepared_twice(inspected)
        if artefact is None:
            return
        claims = inspect(inspected.order.model_copy(update={"prepared": artefact}), folder / "prepared-inspection")[1:]
        for claim in claims:
            yield inspected.finding(claim.what, claim.right, claim.detail)
        if not all(claim.right for claim in claims):
            return
    yield from attack_runs(inspected) if isinstance(subject, AttackCard) else defense_runs(inspected)


def _request(subject: Subject, root: CardRoot) -> Request:
    """Ask for a run on a task that fits; a defense meets that task's last control, the victim itself."""
    task = _task(subject)
    name = str(root.path) if root.is_submission else subject.name
    attack, defense = (name, None) if isinstance(subject, AttackCard) else (task.controls[-1], name)
    known = root.is_submission or root.path in [other.path.resolve() for other in installed_roots()]
    folders = () if known else (root.path,)
    return Request(task.name, attack, defense, profile=PROFILE, device="cpu", folders=folders)


def _task(subject: Subject) -> TaskCard:
    """Return the first task of the subject's kind, one that grants the knowledge it needs where there is one."""
    known = [filed.card for filed in Catalog.load().all(TaskCard).values()]
    of_kind = [task for task in known if task.kind in subject.task_kinds and PROFILE in task.profile and task.controls]
    if not of_kind:
        raise PlanError(f"no task is of the kind {' or '.join(subject.task_kinds)}", "change task_kinds on the card")
    of_kind.sort(key=lambda task: task.truth != "pairs")  # metrics of pairs want few images and no weights
    needs = set(subject.needs) if isinstance(subject, AttackCard) else set()
    return next((task for task in of_kind if needs <= set(task.knowledge)), of_kind[0])
