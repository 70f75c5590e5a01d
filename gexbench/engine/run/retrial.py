"""A trial held again: another model against what a defended run kept of its own."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.cards.roots import packaged_root
from gexbench.core.attack import Progress, Surrogate
from gexbench.core.images import to_uint8
from gexbench.core.pairing import partners
from gexbench.engine.attacker.surrogate import infer, latent_size
from gexbench.engine.kinds.evidence import Exhibits
from gexbench.engine.kinds.kind import Copy, task_kind
from gexbench.engine.machine import hardware
from gexbench.engine.run.innocents import shown_innocents
from gexbench.engine.run.isolation import chosen, claim_confines
from gexbench.engine.run.orders import claim_order
from gexbench.engine.run.ownership import KEPT, Court, judging, trial_digest, tried
from gexbench.engine.run.run_folder import RunFolder
from gexbench.engine.run.sides import Journal
from gexbench.engine.scoring.features.images import Floats, open_images
from gexbench.engine.store.paths import data_root, home
from gexbench.engine.store.weights import file_sha256
from gexbench.engine.wire.guarding import StartDefense
from gexbench.engine.wire.image_file import unpacked_images
from gexbench.errors import DataMissing, PlanError, RunFailed
from gexbench.files import atomic_write
from gexbench.ownership import Ownership
from gexbench.record import RunRecord


@dataclass(frozen=True)
class Suspect:
    """A model's outputs (3,H,W) uint8, and the digest of what it is where that is known."""

    outputs: Sequence[Tensor]
    digest: str | None = None


def exhibits_of(folder: Path, record: RunRecord) -> Exhibits:
    """Return what a run kept of its trial; raises DataMissing where it is not there, or not what the record names."""
    trial, told = RunFolder(folder).trial, record.ownership
    again = "run it again with --fresh"
    try:
        if told is None or trial_digest(trial) != told.evidence_sha256:
            raise DataMissing(f"{trial} does not hold what the record in {folder} was judged on", again)
        images = [tuple(unpacked_images((trial / f"{name}.safetensors").read_bytes())) for name in KEPT]
    except (OSError, ValueError) as error:
        raise DataMissing(f"what {folder} was judged on cannot be read from {trial}: {error}", again) from None
    inputs, plain, suspect, marked, unmarked = images
    return Exhibits(inputs, suspect, plain, marked, unmarked, told.asked)


def write_questions(exhibits: Exhibits, folder: Path) -> int:
    """Write what suspects are asked as PNGs, 0000.png and on, and return how many; raises OutputError."""
    for place, x in enumerate(exhibits.inputs):
        buffer = io.BytesIO()
        Image.fromarray(x.permute(1, 2, 0).contiguous().numpy()).save(buffer, "PNG")
        atomic_write(folder / _name(place), buffer.getvalue())
    return len(exhibits.inputs)


def from_images(exhibits: Exhibits, folder: Path) -> Suspect:
    """Return a suspect by the images in a folder: an answer to each question, of its name, or where it draws any.

    Raises DataMissing and PlanError for images that are missing, too few, or of another size.
    """
    found = open_images(folder)
    images = Floats(found)
    if exhibits.inputs:
        order = partners(found.names, [_name(place) for place in range(len(exhibits.inputs))]).order
        images = Floats(found, sorted(range(len(order)), key=order.__getitem__))
    elif len(images) < len(exhibits.plain):
        many = len(exhibits.plain)
        raise PlanError(f"{folder} holds {len(images)} images, and {many} are looked at", f"draw {many} at least")
    outputs: list[Tensor] = []
    for place, like in enumerate(exhibits.plain):
        outputs.append(to_uint8(images[place]))
        if outputs[-1].shape != like.shape:
            ours, theirs = (f"{each.shape[-1]}x{each.shape[-2]}" for each in (like, outputs[-1]))
            raise PlanError(
                f"{folder}: image {place} is of {theirs} px, and the victim's is of {ours}", "give outputs as they are"
            )
    return Suspect(outputs)


def from_surrogate(exhibits: Exhibits, surrogate: Surrogate, record: RunRecord) -> Suspect:
    """Return a suspect by the surrogate that another run kept, asked in this process; raises PlanError."""
    kind = task_kind(record.plan.task.kind)
    copy = Copy(lambda x: infer(kind, surrogate, x), latent_size(surrogate))
    try:
        return Suspect(kind.shown(copy, exhibits), record.surrogate_sha256)
    except (RunFailed, RuntimeError, ValueError, TypeError) as error:
        told = f"the surrogate of {record.plan.run_name} does not answer as this task's models do"
        raise PlanError(f"{told}: {error}", "give a run of the same task and profile") from None


def retried(folder: Path, record: RunRecord, catalog: Catalog, suspect: Suspect, progress: Progress) -> Ownership:
    """Return the verdict of a run's defense on another suspect, beside the innocents that are here now.

    Raises RunFailed naming the defense, and the moment, where it fails; DataMissing as `exhibits_of`.
    """
    plan, run = record.plan, RunFolder(folder.resolve())
    assert plan.defense is not None
    exhibits = exhibits_of(run.path, record)
    innocents = shown_innocents(plan, catalog, exhibits, progress, suspect.digest)
    with run.locked():
        shown, order = run.new_trial(), _order(run, record, catalog)
        private = [packaged_root().path, home(), *filter(None, [data_root()]), run.path.parent]
        where = None if chosen(plan.isolation) == "none" else claim_confines(run, order, private, shown)
        try:
            with judging(plan.defense.name, order, where, Journal(progress)) as guard:
                return tried(Court(guard, shown, progress), exhibits, suspect.outputs, innocents)
        finally:
            shutil.rmtree(shown, ignore_errors=True)


def _order(run: RunFolder, record: RunRecord, catalog: Catalog) -> StartDefense:
    """Return what the defense is started with; raises DataMissing where key or prepared file are not the record's."""
    anew = "run it again with --fresh"
    if not run.ledger.with_name("key").is_file():
        raise DataMissing(f"the key of the run in {run.path} is not there", "judge where the run was made, or run anew")
    order = claim_order(record.plan, run, catalog, hardware.choose(record.plan.device, False))
    if hashlib.sha256(bytes.fromhex(order.key)).hexdigest() != record.key_sha256:
        raise DataMissing(f"the key of the run in {run.path} is not the one its record names", anew)
    prepared = order.prepared
    if prepared is not None and not (prepared.is_file() and file_sha256(prepared) == record.prepared_sha256):
        raise DataMissing(f"{prepared} is not what the defense had prepared for this run", anew)
    return order


def _name(place: int) -> str:
    return f"{place:04d}.png"
