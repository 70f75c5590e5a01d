"""Innocents that are on the disk: found, built in this process, and what they make of what suspects are asked.

They are runs of attacks of gexbench on undefended victims, and victims. Classes of gexbench and torch alone are built.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from gexbench.cards.catalog import Catalog
from gexbench.cards.innocents import Family, InnocentsCard
from gexbench.cards.options import effective
from gexbench.cards.own import is_foreign
from gexbench.cards.schema import TaskCard, VictimCard
from gexbench.core.attack import Progress
from gexbench.engine.attacker.kept import digest, is_ours, read_kept, rebuild
from gexbench.engine.attacker.surrogate import infer, latent_size
from gexbench.engine.kinds.evidence import Exhibits
from gexbench.engine.kinds.kind import Copy, TaskKind, task_kind
from gexbench.engine.service.victim import open_victim
from gexbench.engine.store.paths import innocents_folder
from gexbench.engine.store.victim_weights import weights_path, weights_sha256
from gexbench.engine.wire.image_file import packed_images, unpacked_images
from gexbench.errors import AssetMissing, BoardError, CardError, GexbenchError, SurrogateError
from gexbench.files import atomic_write
from gexbench.ownership import MOST_INNOCENTS
from gexbench.plan import Plan, settings_of
from gexbench.record import RunRecord, read_record

ENOUGH = 99


@dataclass(frozen=True)
class Model:
    """An innocent: the digest of what it is, how it was made, and what it makes of what suspects are asked."""

    id: str
    made: str
    outputs: Sequence[Tensor]


@dataclass(frozen=True)
class Shown:
    """All innocents of a task that are here, and what is to be said about them."""

    models: tuple[Model, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Source:
    """An innocent on the disk, not built yet; folder: of its set."""

    id: str
    made: str
    folder: Path
    build: Callable[[TaskKind], Copy] = field(compare=False)


def sets_for(task: TaskCard, profile: str, catalog: Catalog) -> list[InnocentsCard]:
    """Return the sets of innocents of a task at a profile, from where the task's own card is from."""
    root = catalog.filed(TaskCard, task.name).root
    found = (filed for filed in catalog.all(InnocentsCard).values() if filed.root == root)
    return [filed.card for filed in found if (filed.card.task, filed.card.profile) == (task.name, profile)]


def set_folder(card: InnocentsCard) -> Path:
    """Return the folder of a set: runs/ holds the run folders, outputs/ what they made of questions."""
    return innocents_folder() / card.name.replace("/", ".")


def shown_innocents(
    plan: Plan, catalog: Catalog, exhibits: Exhibits, progress: Progress, apart: str | None = None
) -> Shown:
    """Return what the innocents on the disk make of what suspects are asked; apart: the digest of one to leave out.

    One that cannot be built, or answers otherwise than a model of the task, is left out, and the note counts it.
    """
    cards = sets_for(plan.task, plan.profile.name, catalog)
    sources = {each.id: each for card in cards for each in (*runs_of(card), *victims_of(card, catalog))}
    sources.pop(apart or "", None)
    models, broken = list[Model](), list[str]()
    kind = task_kind(plan.task.kind)
    for done, source in enumerate(list(sources.values())[:MOST_INNOCENTS]):
        try:
            models.append(Model(source.id, source.made, _outputs(source, kind, exhibits)))
        except (GexbenchError, RuntimeError, TypeError, ValueError) as error:
            broken.append(f"{source.made} ({error})")
        progress("asking innocents", done + 1, len(sources))
    return Shown(tuple(models), _note(plan, cards, len(models), broken))


def runs_of(card: InnocentsCard) -> Iterator[Source]:
    """Yield what runs of a set left: undefended ones that the card names, whose surrogate is what the record says."""
    for record, folder in records_of(card):
        surrogate = folder / "surrogate"
        if record.surrogate_sha256 is not None and digest(surrogate) == record.surrogate_sha256:
            yield Source(record.surrogate_sha256, _made(record), set_folder(card), _Rebuilt(surrogate))


def records_of(card: InnocentsCard) -> Iterator[tuple[RunRecord, Path]]:
    """Yield the records of a set's runs that ended well, and their folders, in the order of their names."""
    for file in sorted((set_folder(card) / "runs").glob("*/record.json")):
        try:
            record = read_record(file)
        except BoardError:
            continue
        if record.status == "ok" and any(belongs(record.plan, card, family) for family in card.families):
            yield record, file.parent


def belongs(plan: Plan, card: InnocentsCard, family: Family) -> bool:
    """Say whether a plan is one of a family's, by whatever version of the code."""
    attack = plan.attack
    return (
        plan.defense is None
        and (plan.task.name, plan.profile.name) == (card.task, card.profile)
        and (attack.name, plan.victim.name) == (family.attack, family.victim)
        and plan.budget in family.budgets
        and plan.seed < family.seeds
        and plan.options
        == effective(
            attack.options, attack.profile.get(card.profile, {}), settings_of(family.options), repr(attack.name)
        )
    )


def victims_of(card: InnocentsCard, catalog: Catalog) -> Iterator[Source]:
    """Yield the victims of a set whose weights are here."""
    for name in card.victims:
        try:
            victim = catalog.get(VictimCard, name)
            if is_foreign(victim):  # it would run in the bench's process
                continue
            sha256, path = weights_sha256(victim, catalog), weights_path(victim, catalog)
        except (CardError, AssetMissing):
            continue
        yield Source(sha256, f"the victim {name}", set_folder(card), _Victim(victim, path, sha256))


@dataclass(frozen=True)
class _Rebuilt:
    surrogate: Path

    def __call__(self, kind: TaskKind) -> Copy:
        kept = read_kept(self.surrogate)
        if not is_ours(kept):
            raise SurrogateError(f"its class {kept.entry} is not of gexbench", "make innocents with packaged attacks")
        net = rebuild(kept, None)
        if not isinstance(net, nn.Module):
            raise SurrogateError(f"{kept.entry} is no torch module", "make innocents with packaged attacks")
        return Copy(lambda x: infer(kind, net, x), latent_size(net))


@dataclass(frozen=True)
class _Victim:
    card: VictimCard
    weights: Path
    sha256: str

    def __call__(self, kind: TaskKind) -> Copy:
        victim = open_victim(self.card, self.weights, self.sha256, "cpu")
        return Copy(lambda x: infer(kind, victim.answer, x).clamp(0, 1), victim.latent_size)


def _outputs(source: Source, kind: TaskKind, exhibits: Exhibits) -> Sequence[Tensor]:
    """Return what an innocent makes of what suspects are asked, as it did before where that was kept."""
    file = source.folder / "outputs" / f"{source.id[:16]}-{_asked(exhibits)}.safetensors"
    if file.is_file():
        try:
            kept = unpacked_images(file.read_bytes())
        except ValueError:
            kept = []
        if [each.shape for each in kept] == [each.shape for each in exhibits.plain]:
            return kept
    torch.manual_seed(0)
    made = kind.shown(source.build(kind), exhibits)
    atomic_write(file, packed_images(made))
    return made


def _asked(exhibits: Exhibits) -> str:
    """Return a digest of what suspects are asked: the questions, or how many images of which shape they draw."""
    total = hashlib.sha256(repr([tuple(each.shape) for each in exhibits.plain]).encode())
    for x in exhibits.inputs:
        total.update(repr(tuple(x.shape)).encode() + x.numpy().tobytes())
    return total.hexdigest()[:16]


def _made(record: RunRecord) -> str:
    plan = record.plan
    return f"{plan.attack.name} on {plan.victim.name}, budget {plan.budget}, seed {plan.seed}"


def _note(plan: Plan, cards: Sequence[InnocentsCard], many: int, broken: Sequence[str]) -> str:
    told: list[str] = []
    if not cards:
        told.append(f"rank p needs innocents, and no set is for {plan.task.name} at profile {plan.profile.name}")
    elif many < ENOUGH:
        names = " or ".join(card.name for card in cards)
        least = f"with {many} it is {1 / (many + 1):.2g} at least" if many else "without any its own p decides alone"
        told.append(f"rank p needs innocents, {ENOUGH} for 1 %; {least}: gexbench innocents make {names}")
    if broken:
        told.append(f"{len(broken)} innocents were left out, the first {broken[0][:200]}")
    return "; ".join(told)
