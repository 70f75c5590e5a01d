"""What each process of a run may touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from gexbench.engine.machine.provenance import plug_in_folder
from gexbench.engine.run.defense import Confines
from gexbench.engine.run.run_folder import RunFolder
from gexbench.engine.run.sides import Orders
from gexbench.engine.sandbox.rules import Rules, interpreter_rules, support
from gexbench.engine.wire.guarding import Prepare, StartDefense
from gexbench.engine.wire.messages import OpenService, StartSurrogate

Isolation = Literal["landlock", "process", "none"]


def chosen(wanted: Literal["auto", "none"]) -> Isolation:
    """Return the strongest isolation this system has, or none when none is asked for."""
    if wanted == "none":
        return "none"
    return "landlock" if support().landlock_abi >= 1 else "process"


@dataclass(frozen=True)
class AllConfines:
    """Where the children of a run are started; defense: None where there is none."""

    service: Confines
    attacker: Confines
    defense: Confines | None


def confines(folder: RunFolder, orders: Orders, private: Sequence[Path]) -> AllConfines:
    """Return the confines of service, attacker and defense, each with its own folder, log and rules.

    All read the interpreter and installed packages less `private`; the service also its victim's weights, the attacker
    also its brief and its plug-in's folder, the defense its plug-in's folder, where it hardens the owner's images, and
    what it prepared.
    Each writes its own folder and nothing else. The rules hold as far as the system can keep them.
    """
    service, attacker = orders.service, orders.attacker
    device: Literal["cpu", "cuda"] = "cuda" if service.device == "cuda" else "cpu"
    serving = interpreter_rules(private, [], device)
    attacking = interpreter_rules(private, _plug_in(attacker.entry, attacker.code) if attacker else [], device)
    served = (service.weights, *filter(None, [service.victim_code]))
    return AllConfines(
        Confines(folder.ledger.parent, folder.logs[0], replace(serving, read=(*serving.read, *served))),
        Confines(folder.work, folder.logs[1], replace(attacking, read=(*attacking.read, folder.brief))),
        _defending(folder, service, private),
    )


def surrogate_confines(folder: RunFolder, order: StartSurrogate, entry: str | None) -> Confines:
    """Return the confines of the surrogate: it reads the interpreter, packages, its plug-in's folder and what was kept.

    It has neither brief nor work folder, and writes a folder that is empty at the start. entry: the attack's.
    """
    device: Literal["cpu", "cuda"] = "cuda" if order.device == "cuda" else "cpu"
    rules = interpreter_rules(order.private, _plug_in(entry, order.code), device)
    return Confines(folder.scratch, folder.path / "surrogate.log", replace(rules, read=(*rules.read, folder.surrogate)))


def claim_confines(folder: RunFolder, order: StartDefense, private: Sequence[Path], shown: Path) -> Confines:
    """Return the confines of a defense that judges ownership: as when it defends, and it reads the folder `shown`."""
    device: Literal["cpu", "cuda"] = "cuda" if order.device == "cuda" else "cpu"
    rules = interpreter_rules(private, _plug_in(order.entry, order.code), device)
    given = (shown, *filter(None, [order.prepared]))
    return Confines(folder.new_defense("claim"), folder.path / "claim.log", replace(rules, read=(*rules.read, *given)))


def _defending(folder: RunFolder, service: OpenService, private: Sequence[Path]) -> Confines | None:
    if service.plan.defense is None:
        return None
    code = _plug_in(service.plan.defense.entry, service.defense_code)
    rules = interpreter_rules(private, code, "cuda" if service.device == "cuda" else "cpu")
    given = filter(None, [service.owner, service.prepared])
    return Confines(folder.new_defense(), folder.logs[2], replace(rules, read=(*rules.read, *given)))


def preparing_rules(order: Prepare, private: Sequence[Path]) -> Rules:
    """Return the rules of a defense that is prepared: beside the interpreter it reads what its order names."""
    rules = interpreter_rules(private, _plug_in(order.entry, order.code), "cuda" if order.device == "cuda" else "cpu")
    given = (order.weights, order.owner, *filter(None, [order.style]), *order.assets.values())
    return replace(rules, read=(*rules.read, *given))


def _plug_in(entry: str | None, code: Path | None) -> list[Path]:
    found = plug_in_folder(entry, code) if entry else None
    return [found] if found else []
