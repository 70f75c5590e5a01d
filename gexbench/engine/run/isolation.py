"""What each process of a run may touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from gexbench.engine.machine.provenance import plug_in_folder
from gexbench.engine.run.remote import Confines
from gexbench.engine.run.run_folder import RunFolder
from gexbench.engine.run.sides import Orders
from gexbench.engine.sandbox.rules import interpreter_rules, support
from gexbench.engine.wire.messages import StartSurrogate

Isolation = Literal["landlock", "process", "none"]


def chosen(wanted: Literal["auto", "none"]) -> Isolation:
    """Return the strongest isolation this system has, or none when none is asked for."""
    if wanted == "none":
        return "none"
    return "landlock" if support().landlock_abi >= 1 else "process"


@dataclass(frozen=True)
class BothConfines:
    """Where the two children of a run are started."""

    service: Confines
    attacker: Confines


def confines(folder: RunFolder, orders: Orders, private: Sequence[Path]) -> BothConfines:
    """Return the confines of service and attacker, each with its own folder, log and rules.

    Both read the interpreter and installed packages less `private`; the service also its victim's weights, the attacker
    also its brief and its plug-in's folder. Each writes its own folder and nothing else. The rules hold as far as the
    system can keep them.
    """
    service, attacker = orders.service, orders.attacker
    device: Literal["cpu", "cuda"] = "cuda" if service.device == "cuda" else "cpu"
    defense = service.plan.defense
    serving = interpreter_rules(private, _plug_in(defense.entry if defense else None, service.defense_code), device)
    attacking = interpreter_rules(private, _plug_in(attacker.entry, attacker.code) if attacker else [], device)
    logs = folder.path / "service.log", folder.log
    return BothConfines(
        Confines(folder.ledger.parent, logs[0], replace(serving, read=(*serving.read, service.weights))),
        Confines(folder.work, logs[1], replace(attacking, read=(*attacking.read, folder.brief))),
    )


def surrogate_confines(folder: RunFolder, order: StartSurrogate, entry: str | None) -> Confines:
    """Return the confines of the surrogate: it reads the interpreter, packages, its plug-in's folder and what was kept.

    It has neither brief nor work folder, and writes a folder that is empty at the start. entry: the attack's.
    """
    device: Literal["cpu", "cuda"] = "cuda" if order.device == "cuda" else "cpu"
    rules = interpreter_rules(order.private, _plug_in(entry, order.code), device)
    return Confines(folder.scratch, folder.path / "surrogate.log", replace(rules, read=(*rules.read, folder.surrogate)))


def _plug_in(entry: str | None, code: Path | None) -> list[Path]:
    found = plug_in_folder(entry, code) if entry else None
    return [found] if found else []
