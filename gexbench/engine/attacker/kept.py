"""What is kept of a surrogate, and building it anew: its class by name, its constructor's arguments, its tensors.

The three lie in one folder, as Hugging Face models keep theirs. An attack's process writes them, the bench takes them
over, and what gives evidence, or comes out of `gexbench.load_surrogate`, is built from them alone.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor, nn

from gexbench.cards.entry import load_entry
from gexbench.core.attack import Surrogate
from gexbench.errors import CardError, SurrogateError
from gexbench.files import read_bounded

CLASS, CONFIG, WEIGHTS = "class.txt", "config.json", "model.safetensors"
LARGEST_TEXT = 1 << 20
"""Bytes of class.txt and of config.json."""
LARGEST_WEIGHTS = 1 << 32
LONGEST_NAME = 200
OURS = ("gexbench", "torch")
"""Packages whose classes may be built outside a sandbox."""
_NAME = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
AT_THE_TOP = "define it at the top of a module that is gexbench's, installed, or beside the card"
IN_CONFIG = (
    "say in its attribute `config` with which JSON keyword arguments it is built, and keep what was learned in "
    "parameters and buffers"
)


@dataclass(frozen=True)
class Kept:
    """A surrogate as it was kept.

    entry: "module:Class". config: None in runs that are older than config.json. weights: None for what is no nn.Module.
    """

    entry: str
    config: Mapping[str, Any] | None
    weights: Path | None


def keep(surrogate: Surrogate, folder: Path) -> None:
    """Write what a surrogate is built anew from into a folder; raises SurrogateError where something does not fit."""
    kind = type(surrogate)
    if not callable(surrogate):
        raise SurrogateError(f"the attack returned {kind.__name__}, which cannot be called", "return an nn.Module")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CLASS).write_text(_name(kind) + "\n", encoding="utf-8")
    (folder / CONFIG).write_bytes(_json(getattr(surrogate, "config", {}), kind.__qualname__))
    (folder / WEIGHTS).unlink(missing_ok=True)
    if isinstance(surrogate, nn.Module):
        _write_tensors(surrogate, folder / WEIGHTS)


def read_kept(folder: Path) -> Kept:
    """Return what was kept in a folder; raises SurrogateError for a name that is none and a config that is none."""
    config, weights = folder / CONFIG, folder / WEIGHTS
    return Kept(
        checked_name(_content(folder / CLASS)),
        parsed_config(_content(config)) if config.is_file() else None,
        weights if weights.is_file() else None,
    )


def is_ours(kept: Kept) -> bool:
    """Say whether a surrogate's class is of gexbench or torch."""
    return kept.entry.partition(":")[0].partition(".")[0] in OURS


def checked_name(content: bytes) -> str:
    """Return the class that a class.txt names; raises SurrogateError where it is no `module:Class`."""
    name = content.decode("utf-8", "replace").strip()
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise SurrogateError(f"its class {name[:LONGEST_NAME]!r} cannot be imported by name", AT_THE_TOP)
    return name


def parsed_config(content: bytes) -> dict[str, Any]:
    """Return the keyword arguments in a config.json; raises SurrogateError where it is no JSON object."""
    try:
        values = json.loads(content, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise SurrogateError(f"its {CONFIG} is not JSON: {_line(error)}", IN_CONFIG) from None
    if not isinstance(values, dict):
        raise SurrogateError(
            f"its {CONFIG} holds {type(values).__name__}, not an object of keyword arguments", IN_CONFIG
        )
    return values


def digest(folder: Path) -> str:
    """Return the SHA-256 over class, config and weights, each by its own; what is not there counts as such."""
    total = hashlib.sha256(b"surrogate\n")
    for name in (CLASS, CONFIG, WEIGHTS):
        path, own = folder / name, "none"
        if path.is_file():
            with path.open("rb") as stream:
                own = hashlib.file_digest(stream, "sha256").hexdigest()
        total.update(f"{name} {own}\n".encode())
    return total.hexdigest()


def rebuild(kept: Kept, code: Path | None) -> Surrogate:
    """Import the class, build it from its config and fill it strictly; modules come out in evaluation mode.

    code: the folder of a plug-in's modules. Runs foreign code where the class is foreign. Raises SurrogateError.
    """
    kind = find_class(kept.entry, code)
    if kept.config is None and not _takes_nothing(kind):
        raise SurrogateError(
            f"with what arguments a {kind.__qualname__} is built was not kept", f"put them into {CONFIG}"
        )
    try:
        made = kind(**_arguments(kind, kept.config or {}))
    except Exception as error:  # a constructor is foreign code
        raise SurrogateError(
            f"{kind.__qualname__}(**config) raised {type(error).__name__}: {_line(error)}", IN_CONFIG
        ) from error
    if isinstance(made, nn.Module) != (kept.weights is not None):
        what = "no weights were kept" if kept.weights is None else "weights were kept and it is no nn.Module"
        raise SurrogateError(f"of a {kind.__qualname__} {what}", IN_CONFIG)
    if not callable(made):
        raise SurrogateError(f"a {kind.__qualname__} cannot be called", "return an nn.Module")
    if isinstance(made, nn.Module) and kept.weights is not None:
        _fill(made, kept.weights)
        return made.eval()
    return made  # type: ignore[no-any-return]


def _arguments(kind: type, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return keyword arguments; an object goes into the dataclass that the constructor takes, if it takes one."""
    made = dict(config)
    if not any(isinstance(value, dict) for value in made.values()):
        return made
    hints = get_type_hints(kind.__init__)  # type: ignore[misc]
    for name, value in made.items():
        annotated = (hints.get(name), *get_args(hints.get(name)))
        taken = [each for each in annotated if isinstance(each, type) and is_dataclass(each)]
        if taken and isinstance(value, dict):
            made[name] = taken[0](**value)
    return made


def _takes_nothing(kind: type) -> bool:
    """Say whether a class is built without arguments, not even with some left out."""
    return kind.__init__ is nn.Module.__init__ or not inspect.signature(kind).parameters  # type: ignore[misc]


def happened(error: BaseException, unfit: str) -> str:
    """Say what an attack or a surrogate did that ended it; unfit: how to begin where a surrogate is no such thing."""
    if isinstance(error, SurrogateError):
        return f"{unfit}: {error}; {error.hint}"
    return f"raised {type(error).__name__}: {str(error)[:500]}"


def find_class(entry: str, code: Path | None) -> type:
    """Import a class by name; code: the folder of a plug-in's modules. Raises SurrogateError."""
    try:
        found = load_entry(entry, code)
    except CardError as error:
        raise SurrogateError(f"its class {entry} cannot be imported: {error}", AT_THE_TOP) from error
    except Exception as error:  # a module is foreign code
        raise SurrogateError(
            f"its class {entry} cannot be imported: {type(error).__name__}: {_line(error)}", AT_THE_TOP
        ) from error
    if not isinstance(found, type):
        raise SurrogateError(f"{entry} is no class", "return an nn.Module, or an object of a class that can be called")
    return found


def _name(kind: type) -> str:
    """Return a class's name for importing it; raises SurrogateError where nobody else could."""
    name = f"{kind.__module__}:{kind.__qualname__}"
    if getattr(sys.modules.get(kind.__module__), kind.__qualname__, None) is not kind or kind.__module__ == "builtins":
        raise SurrogateError(f"its class {name[:LONGEST_NAME]!r} cannot be imported by name", AT_THE_TOP)
    return checked_name(name.encode())


def _json(config: object, owner: str) -> bytes:
    if not isinstance(config, Mapping):
        raise SurrogateError(f"{owner}.config is a {type(config).__name__}, not keyword arguments by name", IN_CONFIG)
    try:
        text = json.dumps(dict(config), default=_plain, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise SurrogateError(f"{owner}.config is not JSON: {_line(error)}", IN_CONFIG) from error
    if len(text) > LARGEST_TEXT:
        raise SurrogateError(f"{owner}.config takes {len(text):,} bytes, at most {LARGEST_TEXT:,} are kept", IN_CONFIG)
    return text.encode()


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"a {type(value).__name__} is none")


def _write_tensors(net: nn.Module, file: Path) -> None:
    state = net.state_dict()
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise SurrogateError(f"{name} of its state_dict is a {type(value).__name__}, not a tensor", IN_CONFIG)
    try:
        tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}
        safetensors.torch.save_file(tensors, file)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise SurrogateError(f"its tensors cannot be kept as safetensors: {_line(error)}", IN_CONFIG) from error


def _fill(net: nn.Module, weights: Path) -> None:
    """Load weights of the very names, shapes and types that the net has."""
    kind = type(net).__qualname__
    try:
        tensors = safetensors.torch.load_file(weights)
        built = {name: value.dtype for name, value in net.state_dict().items()}
        net.load_state_dict(tensors, strict=True)
    except Exception as error:  # loading may be foreign code too
        raise SurrogateError(f"its weights do not fit a {kind}: {_line(error, last=True)}", IN_CONFIG) from error
    for name, tensor in tensors.items():
        if built.get(name) != tensor.dtype:
            raise SurrogateError(
                f"its weights do not fit a {kind}: {name} was kept as {tensor.dtype} and is built as {built.get(name)}",
                "have the constructor make it so",
            )


def _content(path: Path) -> bytes:
    try:
        return read_bounded(path, LARGEST_TEXT)
    except OSError as error:
        raise SurrogateError(f"its {path.name} cannot be read: {error.strerror}", "run it again") from None


def _line(error: BaseException, last: bool = False) -> str:
    lines = str(error).strip().splitlines() or [""]
    return lines[-1 if last else 0].strip()[:300]


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
