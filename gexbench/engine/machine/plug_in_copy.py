"""A copy of a plug-in that holds what its digest covers and nothing else: what runs is what was hashed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from gexbench.engine.machine.plug_in_digest import plug_in_digest, plug_in_files
from gexbench.errors import PlanError
from gexbench.files import writing


def copied(code: Path, without: Iterable[Path], within: Path, digest: str | None) -> Path:
    """Copy a plug-in's folder into `within`, which is emptied first, and return the copy's path.

    without: see `plug_in_files`. digest: what the plan says of the plug-in, None where it says nothing. Raises
    PlanError where the copy is something else, CardError as `plug_in_files`, OutputError where it cannot be written.
    """
    root, copy = code.resolve(), within / code.resolve().name
    with writing(within):
        shutil.rmtree(within, ignore_errors=True)
        copy.mkdir(parents=True)
        for file in plug_in_files(code, without):
            target = copy / file.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            if file.is_dir():  # a link to a folder of the plug-in
                target.symlink_to(os.path.relpath(file.resolve(), file.parent))
            else:
                shutil.copyfile(file, target)
    if digest is not None and plug_in_digest(copy, plug_in_files(copy)) != digest:
        raise PlanError(f"the plug-in in {code} was changed while it was read", "run it again")
    return copy
