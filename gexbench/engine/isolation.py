"""What each process of a run may touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from gexbench.engine.parties import Start
from gexbench.engine.provenance import plug_in_folder
from gexbench.engine.remote import Place
from gexbench.engine.run_folder import RunFolder
from gexbench.engine.sandbox import Rules, interpreter_rules, support

Isolation = Literal["landlock", "process", "none"]


def chosen(wanted: Literal["auto", "process", "none"]) -> Isolation:
    """Return the strongest isolation this system has, or the weaker one asked for."""
    if wanted == "none":
        return "none"
    return "landlock" if wanted == "auto" and support().landlock_abi >= 1 else "process"


@dataclass(frozen=True)
class Places:
    """Where the two children of a run are started."""

    service: Place
    contender: Place


def places(isolation: Isolation, folder: RunFolder, start: Start, private: Sequence[Path]) -> Places:
    """Return the places of service and contender, each with its own folder and log.

    In a sandbox both read the interpreter and installed packages less `private`; the service also its victim's
    weights, the contender also its brief and its plug-in's folder. Each writes its own folder and nothing else.
    """
    serving = attacking = None
    if isolation == "landlock":
        device: Literal["cpu", "cuda"] = "cuda" if start.device == "cuda" else "cpu"
        files, brief, defense = start.service_files, start.brief, start.plan.defense
        own = _plug_in(defense.entry if defense else None, files["defense_code"])
        serving = interpreter_rules(private, own, device)
        serving = replace(serving, read=(*serving.read, Path(files["weights"])))
        attacking = interpreter_rules(private, _plug_in(brief["entry"], brief["code"]), device)
        attacking = replace(attacking, read=(*attacking.read, folder.brief))
    return Places(
        Place(folder.ledger.parent, folder.path / "service.log", serving),
        Place(folder.work, folder.path / "log.txt", attacking),
    )


def _plug_in(entry: str | None, code: str | None) -> list[Path]:
    found = plug_in_folder(entry, Path(code) if code else None) if entry else None
    return [found] if found else []
