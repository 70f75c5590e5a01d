"""What service and attacker are started with, and the files that lie ready for them."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import safetensors.torch

from gexbench.cards.adaptive import adaptive
from gexbench.cards.catalog import Catalog, Filed
from gexbench.cards.endpoint import endpoint_of, headers_of
from gexbench.cards.entry import load_entry
from gexbench.cards.own import is_foreign, is_remote, is_slow
from gexbench.cards.roots import packaged_root
from gexbench.cards.schema import AssetCard, AttackCard, DefenseCard, VictimCard
from gexbench.core.dataset import Dataset, Split
from gexbench.engine.kinds.kind import TaskKind
from gexbench.engine.machine.hardware import Hardware
from gexbench.engine.machine.plug_in_copy import copied
from gexbench.engine.machine.plug_in_digest import plug_in_digest, plug_in_files
from gexbench.engine.run import clock
from gexbench.engine.run.dialler import store_authorities
from gexbench.engine.run.run_folder import RunFolder
from gexbench.engine.run.sides import Orders
from gexbench.engine.sandbox.rules import package_folders
from gexbench.engine.store import datasets, own_victim, victim_weights
from gexbench.engine.store.carriers import carriers
from gexbench.engine.store.paths import data_root, home
from gexbench.engine.store.prepared import LARGEST, Artefact
from gexbench.engine.store.weights import read_weights
from gexbench.engine.wire.guarding import StartDefense
from gexbench.engine.wire.image_file import StoredImages, store_images
from gexbench.engine.wire.messages import Leak, OpenService, StartAttack, StartSurrogate
from gexbench.errors import AssetMissing, PlanError
from gexbench.files import atomic_write, read_bounded
from gexbench.plan import RUNS, Plan
from gexbench.record import REDRAWN

PREPARED = "prepared.safetensors"
"""The copy of what a defense prepared, beside the ledger."""
AUTHORITIES = "authorities.pem"
"""Whom the TLS of a victim behind an address trusts, beside the ledger."""
TRIED, TRIED_SPARINGLY = 16, 3
"""Sizes of images that a foreign victim is tried on before the first question, at most; one behind an address."""
LARGEST_CODE = 1 << 20
"""Bytes of the file of a foreign network's class."""
OWNED = 10
"""With the knowledge `partial-real` an attacker owns one in so many of the owner's images."""


@dataclass(frozen=True)
class Defending:
    """What a defense is given beside its options: the run's key, and what it prepared, if anything."""

    key: bytes
    prepared: Artefact | None = None


@dataclass(frozen=True)
class Setting:
    """What a run has to work with: its plan, the cards, its folder, its data and the machine.

    tests: the splits that evidence is taken on, by name. defending: what the plan's defense is given, None for none.
    """

    plan: Plan
    catalog: Catalog
    folder: RunFolder
    files: datasets.Files
    dataset: Dataset
    tests: Mapping[str, Split]
    hardware: Hardware
    kind: TaskKind
    defending: Defending | None = None

    @cached_property
    def carriers(self) -> list[Path]:
        """Return the installed files that hold the weights of a victim which others released; see store.carriers."""
        asset = self.plan.victim.asset
        return [] if asset is None else carriers(self.catalog.get(AssetCard, asset), package_folders())


def make_orders(setting: Setting) -> Orders:
    """Write what both sides may read and return their orders; no attacker for the victim control."""
    alone = setting.plan.attack.answers == "victim"
    return Orders(_open_service(setting), None if alone else _start_attack(setting))


def surrogate_order(setting: Setting) -> StartSurrogate:
    """Return what the surrogate that was kept is started with; its code is the copy that the attack ran from."""
    code = setting.catalog.filed(AttackCard, setting.plan.attack.name).root.code
    return StartSurrogate(
        kind=setting.plan.task.kind,
        folder=setting.folder.surrogate,
        code=None if code is None else setting.folder.code / "attack" / code.resolve().name,
        scale=setting.plan.task.scale,
        side=setting.plan.scale.side,
        device=setting.hardware.device,
        threads=setting.hardware.threads,
        seed=setting.plan.seed,
        private=tuple(private(setting)),
        writable=(setting.folder.scratch,),
    )


def claim_order(plan: Plan, folder: RunFolder, catalog: Catalog, machine: Hardware) -> StartDefense:
    """Return what a run's defense is started with to judge ownership; its code is the copy that it defended from.

    Raises PlanError where that copy is no longer what the plan says.
    """
    assert plan.defense is not None  # nothing else claims
    filed, code = catalog.filed(DefenseCard, plan.defense.name), None
    if filed.root.code is not None:
        code = folder.code / "defense" / filed.root.code.resolve().name
        if plug_in_digest(code, plug_in_files(code)) != plan.plug_ins.get("defense"):
            raise PlanError(f"{code} is not the code that defended", "run it again with --fresh")
    prepared = folder.ledger.with_name(PREPARED)
    return StartDefense(
        entry=plan.defense.entry,
        code=code,
        options=plan.defense_options,
        device=machine.device,
        threads=machine.threads,
        key=folder.key().hex(),
        prepared=prepared if plan.defense.prepares else None,
    )


def held_back(plan: Plan, dataset: Dataset, files: datasets.Files, redraws: int) -> dict[str, Split]:
    """Return the splits that evidence is taken on, with those that are drawn for this run alone; see execute.Beside."""
    tests, reader = dict(dataset.tests()), load_entry(plan.dataset.reader)
    for number in range(1, redraws + 1):
        others = datasets.redrawn(files, secrets.token_hex(16))
        if others is not None:
            again: Dataset = reader(plan.dataset.settings, others)
            tests |= {f"{REDRAWN}-{number}-{name}": split for name, split in again.tests().items()}
    return tests


def private(setting: Setting) -> list[Path]:
    """Return what no attack may read: data-set files, the registry, weights, every run but its own folder.

    Of weights that others released that is wherever installed packages hold them, too.
    """
    files = [file.path for files in setting.files.values() for file in files if file.path]
    victim = setting.plan.victim
    filed = setting.catalog.filed(VictimCard, victim.name)
    if filed.root.outside:  # the others lie in the registry, or at home
        files.append(victim_weights.weights_path(victim, setting.catalog))
        files += [filed.path] if filed.path.is_dir() else []  # of a pipeline, which is packed
    return [
        *files,
        *setting.carriers,
        packaged_root().path,
        home(),
        *filter(None, [data_root()]),
        setting.folder.path.parent,
    ]


def _open_service(setting: Setting) -> OpenService:
    plan, machine = setting.plan, setting.hardware
    return OpenService(
        plan=plan,
        weights=victim_weights.weights_path(plan.victim, setting.catalog),
        victim_code=_victim_code(setting),
        sizes=_sizes(setting) if is_foreign(plan.victim) else (),
        **_reached(setting),
        ledger=setting.folder.ledger,
        device=machine.device,
        threads=machine.threads,
        **({} if plan.defense is None else _defended(setting, plan.defense)),
    )


def _reached(setting: Setting) -> dict[str, Any]:
    """Return what of its order a service needs whose victim is behind an address; raises PlanError."""
    if not is_remote(setting.plan.victim):
        return {}
    endpoint = endpoint_of(setting.plan.victim)
    authorities = store_authorities(endpoint, setting.folder.ledger.with_name(AUTHORITIES))
    return {"headers": headers_of(endpoint), "authorities": authorities}


def _victim_code(setting: Setting) -> Path | None:
    """Copy the file of a foreign network's class to a folder of its own, which is returned; None where there is none.

    Raises PlanError where it is no longer what the plan says.
    """
    file = own_victim.code_file(setting.catalog.filed(VictimCard, setting.plan.victim.name))
    if file is None:
        return None
    content = read_bounded(file, LARGEST_CODE)
    if hashlib.sha256(content).hexdigest() != setting.plan.plug_ins.get("victim"):
        raise PlanError(f"{file} was changed while the run started", "run it again")
    folder = setting.folder.code / "victim"
    shutil.rmtree(folder, ignore_errors=True)
    atomic_write(folder / file.name, content)
    return folder


def _sizes(setting: Setting) -> tuple[tuple[int, int], ...]:
    """Return some of the sizes that a victim will be asked about or has to draw, spread from small to large."""
    side = setting.plan.scale.side
    if side is not None:
        return ((side, side),)
    images = [*setting.dataset.pool().inputs, *(x for split in setting.tests.values() for x in split.inputs)]
    most = TRIED_SPARINGLY if is_slow(setting.plan.victim) else TRIED
    sizes = sorted({(int(x.shape[-2]), int(x.shape[-1])) for x in images}, key=lambda size: (size[0] * size[1], size))
    chosen = {round(i * (len(sizes) - 1) / (most - 1)) for i in range(most)} if sizes else set()
    return tuple(sizes[i] for i in sorted(chosen))


def _defended(setting: Setting, defense: DefenseCard) -> dict[str, Any]:
    """Store what a service behind a defense needs, where it alone may read, and return that part of its order."""
    folder = setting.folder.ledger.parent
    owner, tests = folder / "owner.safetensors", folder / "tests.safetensors"
    if defense.hardens:
        store_images(owner, setting.dataset.owner())
    store_images(tests, (x for split in setting.tests.values() for x in split.inputs))
    given = setting.defending or Defending(setting.folder.key())
    return {
        "key": given.key.hex(),
        "secret": setting.folder.secret().hex(),
        "prepared": None if given.prepared is None else _laid(given.prepared, folder / PREPARED),
        "defense_code": _copied(setting, "defense", setting.catalog.filed(DefenseCard, defense.name)),
        "owner": owner if defense.hardens else None,
        "tests": tests,
        "patience": clock.GUARDED_WITHIN,
    }


def _laid(artefact: Artefact, file: Path) -> Path:
    """Copy what was prepared to where the defense reads it; raises AssetMissing where it is no longer what it was."""
    content = read_bounded(artefact.file, LARGEST)
    if hashlib.sha256(content).hexdigest() != artefact.passport.sha256:
        raise AssetMissing(f"{artefact.file} was altered while the run started", "run it again")
    atomic_write(file, content)
    return file


def _start_attack(setting: Setting) -> StartAttack:
    plan, needs, machine = setting.plan, setting.plan.attack.needs, setting.hardware
    assert plan.attack.entry is not None  # only the victim control has none
    files, asked = _stored(setting), adaptive(plan.attack, plan.options)
    return StartAttack(
        kind=plan.task.kind,
        entry=plan.attack.entry,
        code=_copied(setting, "attack", setting.catalog.filed(AttackCard, plan.attack.name)),
        pool=files["pool"],
        truth=files.get("truth"),
        real=files.get("real"),
        discriminator=_leak(setting, "discriminator") if "discriminator" in needs else None,
        victim=_leak(setting, "") if {"weights", "twin"} & set(needs) else None,
        scale=plan.task.scale,
        side=plan.scale.side,
        budget=plan.budget,
        knowledge=needs,
        device=machine.device,
        precision=machine.precision,
        threads=machine.threads,
        seed=plan.seed,
        deadline=plan.deadline,
        options={key: value for key, value in plan.options.items() if key not in asked},
        adaptive=asked,
        workdir=setting.folder.work,
        private=tuple(private(setting)),
        writable=(setting.folder.work,),
    )


def _copied(setting: Setting, role: str, filed: Filed[Any]) -> Path | None:
    """Return the folder a plug-in's code runs from, None for an installed package; role: "attack" or "defense"."""
    if filed.root.code is None:
        return None
    _refuse_data_inside(filed.root.code.resolve(), setting)
    without = (filed.path, RUNS, setting.folder.path.parent)
    return copied(filed.root.code, without, setting.folder.code / role, setting.plan.plug_ins.get(role))


def _refuse_data_inside(code: Path, setting: Setting) -> None:
    """Raise PlanError where files of the data set lie in a plug-in's folder, all of which the plug-in may read."""
    for file in (file for files in setting.files.values() for file in files if file.path is not None):
        if file.path is not None and file.path.resolve().is_relative_to(code):
            raise PlanError(
                f"{file.path}, a file of data set {setting.plan.dataset.name!r}, lies in the plug-in's folder {code}",
                "a plug-in may read all of its folder: move the images, or the plug-in",
            )


def _stored(setting: Setting) -> dict[str, Path]:
    """Store the images that the attack is given, by their name in its order."""
    needs, owner, pool = setting.plan.attack.needs, setting.dataset.owner(), setting.dataset.pool()
    images = {"pool": pool.inputs}
    if "truth" in needs:
        images["truth"] = setting.kind.truth(setting.dataset)
    if "partial-real" in needs:
        images["real"] = [owner[i] for i in range(0, len(owner), OWNED)]
    files = {name: setting.folder.brief / f"{name}.safetensors" for name in images}
    for name, file in files.items():
        store_images(file, images[name])
    setting.kind.check_pool(setting.plan, StoredImages(files["pool"]))
    return files


def _leak(setting: Setting, part: str) -> Leak:
    """Copy a part of the victim, "" for all of it, to where the attack may read it; of its twin where there is one."""
    victim, file = setting.plan.twin or setting.plan.victim, setting.folder.brief / f"{part or 'victim'}.safetensors"
    victim_weights.weights_sha256(victim, setting.catalog)  # refuses a file that its card does not pin
    weights = read_weights(victim_weights.weights_path(victim, setting.catalog))
    head = f"{part}." if part else ""
    leaked = {name.removeprefix(head): tensor for name, tensor in weights.items() if name.startswith(head)}
    if not leaked:
        raise PlanError(f"no {part} leaked with victim {victim.name!r}", "name another victim in the profile")
    atomic_write(file, safetensors.torch.save(leaked))
    return Leak(entry=victim.entry, net=victim.net, part=part, file=file)
