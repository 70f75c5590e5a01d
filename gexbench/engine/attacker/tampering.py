"""What untrusted code may have changed in the process it shares with gexbench: loaded code, process-wide settings."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType, ModuleType

MOST = 20
_LONGEST = 200
_END = 60
_VARIABLE = "the environment variable "


@dataclass(frozen=True)
class Snapshot:
    """Everything of gexbench that was loaded, by dotted name, and the process-wide settings, by description."""

    parts: Mapping[str, tuple[object, ...]]
    settings: Mapping[str, object]


def snapshot() -> Snapshot:
    """Remember gexbench's loaded code and the process-wide settings, to compare with `changes` later."""
    return Snapshot(dict(_parts()), dict(_settings()))


def changes(before: Snapshot) -> list[str]:
    """Say in a sentence each what was replaced or set since the snapshot; at most twenty.

    What was loaded since is no change, nor are new environment variables: libraries set some as they load. How many
    threads torch uses, and whether its algorithms are deterministic, is an attack's own business.
    """
    after = snapshot()
    replaced = dict.fromkeys(
        f"{_origin(name, old, after.parts)} was replaced"
        for name, old in before.parts.items()
        if not _same(old, after.parts.get(name))
    )
    altered = [
        f"{name} was changed" + ("" if name.startswith(_VARIABLE) else f" to {after.settings.get(name)}")
        for name in before.settings
        if before.settings.get(name) != after.settings.get(name)
    ]
    return [short(text) for text in [*replaced, *altered][:MOST]]


def short(text: str) -> str:
    """Cut a text to one line of bearable length, its end kept."""
    plain = " ".join(text.split())
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - _END - 1] + "…" + plain[-_END:]


def _same(old: tuple[object, ...], new: tuple[object, ...] | None) -> bool:
    return new is not None and len(old) == len(new) and all(was is now for was, now in zip(old, new, strict=True))


def _origin(name: str, old: tuple[object, ...], after: Mapping[str, tuple[object, ...]]) -> str:
    """Name a function that was altered in place by where it was defined, for it is known in many modules."""
    function = old[0]
    if isinstance(function, FunctionType) and after.get(name, (None,))[0] is function:
        return f"{function.__module__}.{function.__qualname__}"
    return name


def _parts() -> Iterator[tuple[str, tuple[object, ...]]]:
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] != "gexbench" or not isinstance(module, ModuleType):
            continue
        for key, value in list(vars(module).items()):
            if not key.startswith("__"):
                yield f"{name}.{key}", _identity(value)
            if isinstance(value, type) and value.__module__ == name:
                yield from _methods(f"{name}.{key}", value)


def _methods(name: str, kind: type) -> Iterator[tuple[str, tuple[object, ...]]]:
    for key, value in list(vars(kind).items()):
        if isinstance(value, (FunctionType, staticmethod, classmethod, property)):
            yield f"{name}.{key}", _identity(value)


def _identity(value: object) -> tuple[object, ...]:
    function = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
    if isinstance(function, FunctionType):
        return value, function.__code__, function.__defaults__, function.__kwdefaults__
    return (value,)


def _settings() -> Iterator[tuple[str, object]]:
    yield "the working directory", os.getcwd()
    for key, value in os.environ.items():
        yield _VARIABLE + key, value
    for number in signal.valid_signals():
        yield f"the handler of signal {int(number)}", signal.getsignal(number)
    yield from _torch_settings()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        yield "numpy's handling of floating-point errors", numpy.geterr()
        yield "numpy's way of printing", numpy.get_printoptions()


def _torch_settings() -> Iterator[tuple[str, object]]:
    torch = sys.modules.get("torch")
    if torch is not None:
        yield "torch's default dtype", torch.get_default_dtype()
        yield "torch's default device", torch.get_default_device()
        yield "torch's gradient mode", torch.is_grad_enabled()
