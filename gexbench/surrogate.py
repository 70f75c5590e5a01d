"""The surrogate that a run kept, as a module to use."""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from pydantic import JsonValue, TypeAdapter, ValidationError

from gexbench.cards.entry import load_entry
from gexbench.errors import CardError, GexbenchError
from gexbench.record import read_record

if TYPE_CHECKING:
    from torch import nn

LARGEST_FILE = 1 << 20
"""Bytes of class.txt and of config.json."""

BY_HAND = "build the module yourself and fill it: load_state_dict(safetensors.torch.load_file(…))"


def load_surrogate(run: str | Path, *, code: str | Path | None = None) -> nn.Module:
    """Return the surrogate of a run, in evaluation mode, on the CPU.

    run: a run's folder or its record.json. surrogate/ beside the record holds the weights, the name of their class and,
    in config.json if there is one, the keyword arguments of its constructor; without it only a class whose constructor
    takes none can be built. Classes of gexbench are imported. Any other needs `code`, the folder of its module: THAT
    CODE THEN RUNS IN YOUR PROCESS, outside any sandbox. Raises GexbenchError, and OSError of files it cannot open.
    """
    folder = (Path(run) if Path(run).is_dir() else Path(run).parent) / "surrogate"
    weights, named = folder / "model.safetensors", folder / "class.txt"
    if not (weights.is_file() and named.is_file()):
        raise GexbenchError(f"no surrogate was kept in {folder}", "give the folder of a run whose attack made a module")
    _check_seal(folder.parent / "record.json", weights)
    entry = named.read_bytes()[:LARGEST_FILE].decode(errors="replace").strip()
    net = _build(_class(entry, Path(code) if code else None), folder / "config.json", weights)
    return _filled(net, weights)


def _check_seal(record: Path, weights: Path) -> None:
    """Raise GexbenchError where the weights are not those of the record beside them, if there is one."""
    from gexbench.engine.store.weights import file_sha256

    if record.is_file() and read_record(record).surrogate_sha256 != file_sha256(weights):
        raise GexbenchError(f"{weights} is not the file that {record} names", "run it again")


def _class(entry: str, code: Path | None) -> type[nn.Module]:
    from torch import nn

    module = entry.partition(":")[0]
    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", entry):
        raise GexbenchError(f"the surrogate's class {entry[:200]!r} cannot be imported by name", BY_HAND)
    own = module.partition(".")[0] == "gexbench"
    if not own and code is None:
        raise GexbenchError(
            f"the surrogate's class {entry} is not of gexbench", f"let its code run with code=FOLDER, or {BY_HAND}"
        )
    try:
        found = load_entry(entry, None if own else code)
    except CardError as error:
        raise GexbenchError(str(error), "give the folder that holds its module: code=FOLDER") from error
    if code is not None and not own:
        place = Path(getattr(sys.modules[module], "__file__", None) or ".")
        if not place.resolve().is_relative_to(code.resolve()):
            raise GexbenchError(f"another module {module!r} is loaded, from {place}", "load it in a fresh Python")
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise GexbenchError(f"{entry} is no torch module", BY_HAND)
    return found


def _build(kind: type[nn.Module], config: Path, weights: Path) -> nn.Module:
    from torch import nn

    if config.is_file():
        try:
            values = TypeAdapter(dict[str, JsonValue]).validate_json(config.read_bytes()[:LARGEST_FILE])
            return kind(**_arguments(kind, values))
        except (ValidationError, TypeError, ValueError, NameError) as error:
            why = str(error).splitlines()[0]
            raise GexbenchError(f"{config} does not build a {kind.__qualname__}: {why}", BY_HAND) from error
    if kind.__init__ is not nn.Module.__init__ and inspect.signature(kind).parameters:
        raise GexbenchError(
            f"the run kept its surrogate's weights at {weights}, and not with what arguments a {kind.__qualname__} is "
            "built",
            f"put them into {config.name} beside the weights, or {BY_HAND}",
        )
    return kind()


def _arguments(kind: type[nn.Module], values: dict[str, Any]) -> dict[str, Any]:
    """Return keyword arguments; an object goes into the dataclass that the constructor takes, if it takes one."""
    hints, made = get_type_hints(kind.__init__), dict(values)
    for name, value in values.items():
        annotated = (hints.get(name), *get_args(hints.get(name)))
        taken = [each for each in annotated if isinstance(each, type) and is_dataclass(each)]
        if taken and isinstance(value, dict):
            made[name] = taken[0](**value)
    return made


def _filled(net: nn.Module, weights: Path) -> nn.Module:
    import safetensors.torch
    from safetensors import SafetensorError

    try:
        net.load_state_dict(safetensors.torch.load_file(weights), strict=True)
    except (SafetensorError, RuntimeError) as error:
        why = str(error).splitlines()[-1].strip()
        raise GexbenchError(f"{weights} does not fit a {type(net).__qualname__}: {why}", BY_HAND) from error
    return net.eval()
