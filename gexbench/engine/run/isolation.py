"""What each process of a run may touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from gexbench.engine.machine.provenance import plug_in_folder
from gexbench.engine.run.parties import Start
from gexbench.engine.run.remote import Place
from gexbench.engine.run.run_folder import RunFolder
from gexbench.engine.sandbox.rules import interpreter_rules, support

Isolation = Literal["landlock", "process", "none"]


def chosen(wanted: Literal["auto", "none"]) -> Isolation:
    """Return the strongest isolation this system has, or none when none is asked for."""
    if wanted == "none":
        return "none"
    return "landlock" if support().landlock_abi >= 1 else "process"


@dataclass(frozen=True)
class Places:
    """Where the two children of a run are started."""

    service: Place
    contender: Place


def places(folder: RunFolder, start: Start, private: Sequence[Path]) -> Places:
    """Return the places of service and contender, each with its own folder, log and rules.

    Both read the interpreter and installed packages less `private`; the service also its victim's weights, the
    contender also its brief and its plug-in's folder. Each writes its own folder and nothing else. The rules hold as
    far as the system can keep them.
    """
    device: Literal["cpu", "cuda"] = "cuda" if start.device == "cuda" else "cpu"
    files, brief, defense = start.service_files, start.brief, start.plan.defense
    serving = interpreter_rules(private, _plug_in(defense.entry if defense else None, files["defense_code"]), device)
    attacking = interpreter_rules(private, _plug_in(brief["entry"], brief["code"]), device)
    owner = (Path(files["weights"]),)
    return Places(
        Place(folder.ledger.parent, folder.path / "service.log", replace(serving, read=(*serving.read, *owner))),
        Place(folder.work, folder.path / "log.txt", replace(attacking, read=(*attacking.read, folder.brief))),
    )


def _plug_in(entry: str | None, code: str | None) -> list[Path]:
    found = plug_in_folder(entry, Path(code) if code else None) if entry else None
    return [found] if found else []
