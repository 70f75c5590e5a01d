"""Preparing a defense, offline: once for a victim, a defense and its options, and found again by digest."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.cards.entry import load_entry
from gexbench.cards.prose import bare
from gexbench.cards.roots import packaged_root
from gexbench.cards.schema import AssetCard, DatasetCard, DefenseCard
from gexbench.core.dataset import Dataset
from gexbench.engine.defender.preparing import happened, prepare
from gexbench.engine.machine import hardware
from gexbench.engine.machine.code_digest import digest_of_entries
from gexbench.engine.machine.hardware import Hardware
from gexbench.engine.machine.plug_in_copy import copied
from gexbench.engine.machine.plug_in_digest import plug_in_files
from gexbench.engine.machine.provenance import plug_in_folder
from gexbench.engine.run.clock import Clock
from gexbench.engine.run.defense import Confines
from gexbench.engine.run.isolation import Isolation, chosen, preparing_rules
from gexbench.engine.run.orders import Defending, Setting, private
from gexbench.engine.run.remote import UntrustedProcess
from gexbench.engine.run.sides import Journal
from gexbench.engine.store import datasets, victim_weights
from gexbench.engine.store.assets import AssetStore
from gexbench.engine.store.paths import data_root, home, prepared_folder
from gexbench.engine.store.prepared import LARGEST, Artefact, PreparedPassport, Recipe, Shelf
from gexbench.engine.wire.guarding import Prepare, Prepared
from gexbench.engine.wire.image_file import store_images
from gexbench.errors import RunFailed
from gexbench.files import alone
from gexbench.plan import RUNS, Plan

SEED = 0
"""Of every preparation; what is prepared once serves runs of all seeds."""
PREPARED_WITHIN = 3600.0
"""Seconds for one attempt."""


@dataclass(frozen=True)
class Trial:
    """A preparation on the first few of the owner's images, to see that it works; folder: where that is kept."""

    folder: Path
    images: int


@dataclass(frozen=True)
class Offline:
    """What a preparation has to work with.

    private: what it may not read. trial: see Trial; None for what runs work with.
    """

    plan: Plan
    catalog: Catalog
    dataset: Dataset
    hardware: Hardware
    isolation: Isolation
    private: tuple[Path, ...]
    trial: Trial | None = None


def offline(plan: Plan, catalog: Catalog, trial: Trial | None = None) -> Offline:
    """Return what preparing a plan's defense takes where no run is under way; raises DataMissing."""
    filed = catalog.filed(DatasetCard, plan.dataset.name)
    files = datasets.locate(plan.dataset, filed.pins)
    paths = [file.path for each in files.values() for file in each if file.path]
    return Offline(
        plan=plan,
        catalog=catalog,
        dataset=load_entry(plan.dataset.reader)(plan.dataset.settings, files),
        hardware=hardware.choose(plan.device, plan.profile.autocast),
        isolation=chosen(plan.isolation),
        private=(*paths, packaged_root().path, home(), *filter(None, [data_root()])),
        trial=trial,
    )


def armed(setting: Setting, isolation: Isolation, journal: Journal, trial: Trial | None) -> Setting:
    """Return a run's setting with what its defense is given: what it prepared, outside the attack's clock, and a key.

    Raises as `prepared`.
    """
    if setting.plan.defense is None:
        return setting
    given = Offline(
        plan=setting.plan,
        catalog=setting.catalog,
        dataset=setting.dataset,
        hardware=setting.hardware,
        isolation=isolation,
        private=tuple(private(setting)),
        trial=trial,
    )
    apart = Journal(journal.progress)
    artefact = prepared(given, apart)
    journal.note(tuple(f"the defense, as it was prepared: {text}" for text in apart.incidents))
    journal.peak_memory.update(apart.peak_memory)
    return replace(setting, defending=Defending(setting.folder.key(), artefact))


def prepared(given: Offline, journal: Journal) -> Artefact | None:
    """Return what the plan's defense prepared for its victim, now or before; None where it prepares nothing.

    A preparation that was killed goes on from its checkpoints. Raises RunFailed naming the defense where it fails, and
    AssetMissing where what lies there was altered or is of another victim.
    """
    card = given.plan.defense
    if card is None or not card.prepares:
        return None
    recipe = recipe_of(given, card)
    shelf = Shelf.of(recipe, given.trial.folder if given.trial else prepared_folder())
    with alone(shelf.folder / ".lock"):
        found = shelf.find(recipe)
        return found if found is not None else _anew(given, recipe, shelf, journal)


def _anew(given: Offline, recipe: Recipe, shelf: Shelf, journal: Journal) -> Artefact:
    start = time.perf_counter()
    order = _order(given, recipe, shelf)
    content = _checked(_made(given, order, shelf, journal), _subject(recipe.defense))
    machine, seconds = given.hardware, round(time.perf_counter() - start, 3)
    passport = PreparedPassport(
        recipe=recipe,
        sha256=hashlib.sha256(content).hexdigest(),
        device=machine.device,
        precision=machine.precision,
        threads=machine.threads,
        seconds=seconds,
    )
    kept = shelf.keep(content, passport)
    for folder in (shelf.work, shelf.given):
        shutil.rmtree(folder, ignore_errors=True)
    return kept


def recipe_of(given: Offline, card: DefenseCard) -> Recipe:
    """Return all that what a defense prepares hangs on."""
    plan, catalog = given.plan, given.catalog
    filed = catalog.filed(DefenseCard, card.name)
    folder = plug_in_folder(card.entry, filed.root.code)
    files = [] if folder is None else plug_in_files(folder, (filed.path, RUNS))
    own = digest_of_entries((card.entry, plan.victim.entry, plan.dataset.reader), files)
    data = json.dumps([bare(plan.dataset), plan.dataset_pins], sort_keys=True)
    return Recipe(
        victim=plan.victim.name,
        victim_weights=plan.victim_weights,
        victim_net=plan.victim.net,
        dataset=hashlib.sha256(data.encode()).hexdigest(),
        owner=given.trial.images if given.trial else None,
        defense=card.name,
        version=card.version,
        code="+".join(filter(None, (own, plan.plug_ins.get("defense")))),
        options=plan.defense_options,
        assets={name: catalog.get(AssetCard, name).result_sha256 for name in card.assets},
        seed=SEED,
        isolation=given.isolation,
    )


def _order(given: Offline, recipe: Recipe, shelf: Shelf) -> Prepare:
    """Write what the defense may read, and return its order."""
    plan, catalog, machine = given.plan, given.catalog, given.hardware
    assert plan.defense is not None
    filed = catalog.filed(DefenseCard, plan.defense.name)
    without = (filed.path, RUNS, *given.private)
    code = filed.root.code
    owner, style = shelf.given / "owner.safetensors", given.dataset.style()
    store_images(owner, islice(given.dataset.owner(), recipe.owner))
    if len(style):
        store_images(shelf.given / "style.safetensors", islice(style, recipe.owner))
    return Prepare(
        entry=plan.defense.entry,
        code=None if code is None else copied(code, without, shelf.given / "code", plan.plug_ins.get("defense")),
        options=plan.defense_options,
        victim=plan.victim.entry,
        net=plan.victim.net,
        weights=victim_weights.weights_path(plan.victim, catalog),
        digest=recipe.victim_weights,
        owner=owner,
        style=shelf.given / "style.safetensors" if len(style) else None,
        scale=plan.task.scale,
        assets={name: AssetStore().path(catalog.get(AssetCard, name)) for name in plan.defense.assets},
        device=machine.device,
        precision=machine.precision,
        threads=machine.threads,
        seed=recipe.seed,
        workdir=shelf.work / "own",
    )


def _made(given: Offline, order: Prepare, shelf: Shelf, journal: Journal) -> Tensor:
    subject = _subject(given.plan.defense.name if given.plan.defense else "")
    order.workdir.mkdir(parents=True, exist_ok=True)
    if given.isolation == "none":
        try:
            return prepare(order, journal.progress).content
        except Exception as error:
            raise RunFailed(f"{subject} {happened(error)}") from error
    where = Confines(shelf.work, shelf.folder / "log.txt", preparing_rules(order, given.private))
    preparer = RemotePreparer(order, where, journal, subject)
    try:
        return preparer.prepare()
    finally:
        preparer.stop()


class RemotePreparer(UntrustedProcess):
    """A process in which a defense is prepared."""

    module = "gexbench.engine.defender.preparing"
    role, due = "preparer", "returned its tensors"

    def __init__(self, order: Prepare, confines: Confines, journal: Journal, subject: str) -> None:
        self.subject = subject
        super().__init__(confines, (), journal)
        self._order = order

    def prepare(self) -> Tensor:
        """Return the bytes of what it prepared, a claim; raises RunFailed."""
        self.wait_ready()
        over = RunFailed(f"{self.subject} was still running after {PREPARED_WITHIN:g} s, its deadline")
        self._clock = Clock(PREPARED_WITHIN, over)
        with self._reading(LARGEST):
            return self._ask(self._order, Prepared).content


def _checked(content: Tensor, subject: str) -> bytes:
    """Return what a defense prepared as the bytes to keep; raises RunFailed saying what is wrong with it."""
    if content.nbytes > LARGEST:
        raise RunFailed(f"{subject} returned {content.nbytes} bytes, more than the {LARGEST} that are kept")
    try:
        if content.dtype != torch.uint8 or content.dim() != 1:
            raise ValueError
        tensors = safetensors.torch.load(content.numpy().tobytes())
    except (SafetensorError, ValueError, KeyError) as error:
        raise RunFailed(f"{subject} returned what is no safetensors file ({type(error).__name__})") from None
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor.float()).all()):
            raise RunFailed(f"{subject} returned values in {name[:80]!r} that are not finite")
    return safetensors.torch.save(tensors)


def _subject(name: str) -> str:
    return f"prepare of the defense {name!r}"
