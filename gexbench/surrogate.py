"""The surrogate that a run kept, as a module to use."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gexbench.errors import GexbenchError, SurrogateError
from gexbench.record import read_record

if TYPE_CHECKING:
    from torch import nn

    from gexbench.core.attack import Surrogate
    from gexbench.engine.attacker.kept import Kept

BY_HAND = "build the module yourself and fill it: load_state_dict(safetensors.torch.load_file(…))"


def load_surrogate(run: str | Path, *, code: str | Path | None = None) -> nn.Module | Surrogate:
    """Return the surrogate of a run as it gave evidence, on the CPU; modules are in evaluation mode.

    run: a run's folder or its record.json. surrogate/ beside the record holds the class, the keyword arguments of its
    constructor and the weights. Classes of gexbench and torch are imported if they are modules. Any other needs `code`,
    the folder of its module: THAT CODE THEN RUNS IN YOUR PROCESS, outside any sandbox. Of runs that are older than
    config.json only a class whose constructor takes no arguments can be built. Raises GexbenchError, and OSError of
    files it cannot open.
    """
    from gexbench.engine.attacker.kept import CLASS, read_kept

    folder = (Path(run) if Path(run).is_dir() else Path(run).parent) / "surrogate"
    if not (folder / CLASS).is_file():
        raise GexbenchError(f"no surrogate was kept in {folder}", "give the folder of a run whose attack returned one")
    _check_record(folder.parent / "record.json", folder)
    try:
        return _built(read_kept(folder), Path(code) if code else None)
    except SurrogateError as error:
        raise GexbenchError(f"the surrogate kept in {folder}: {error}", f"{error.hint}; or {BY_HAND}") from error


def _check_record(record: Path, folder: Path) -> None:
    """Raise GexbenchError where what was kept is not what the record beside it names, if there is one."""
    from gexbench.engine.attacker.kept import WEIGHTS, digest
    from gexbench.engine.store.weights import file_sha256

    if not record.is_file():
        return
    weights, named = folder / WEIGHTS, read_record(record).surrogate_sha256
    if named != digest(folder) and not (weights.is_file() and named == file_sha256(weights)):
        raise GexbenchError(f"{folder} does not hold the surrogate that {record} names", "run it again")


def _built(kept: Kept, code: Path | None) -> nn.Module | Surrogate:
    from torch import nn

    from gexbench.engine.attacker.kept import find_class, is_ours, rebuild

    module = kept.entry.partition(":")[0]
    ours = is_ours(kept)
    if not ours and code is None:
        raise GexbenchError(
            f"the surrogate's class {kept.entry} is not of gexbench", f"let its code run with code=FOLDER, or {BY_HAND}"
        )
    code = None if ours else code
    found = find_class(kept.entry, code)
    if code is not None:
        place = Path(getattr(sys.modules[module], "__file__", None) or ".")
        if not place.resolve().is_relative_to(code.resolve()):
            raise GexbenchError(f"another module {module!r} is loaded, from {place}", "load it in a fresh Python")
    elif not issubclass(found, nn.Module):
        raise SurrogateError(f"{kept.entry} is no torch module", "give the run of an attack")
    return rebuild(kept, code)
