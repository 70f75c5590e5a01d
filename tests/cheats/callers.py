"""An attack and a defense that look for a way to the address of the service, and for the key that it is asked with."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from cheats import Nearest
from torch import Tensor

from gexbench.core.attack import Brief
from gexbench.core.defense import Defense, History
from gexbench.core.oracle import Oracle


def tried(options: Mapping[str, Any]) -> dict[str, str]:
    """Return what came of every deed, by name."""
    address = ("127.0.0.1", int(options["port"]))
    deeds: dict[str, Callable[[], object]] = {
        "connect": lambda: socket.create_connection(address, 2).close(),
        "connect by name": lambda: socket.create_connection(("localhost", address[1]), 2).close(),
        "v6": lambda: socket.socket(socket.AF_INET6).close(),
        "unix": lambda: socket.socket(socket.AF_UNIX).connect("\0gexbench"),
        "reconnect": reconnect,
        "key of the bench": lambda: key_in(f"/proc/{os.getppid()}/environ", str(options["key"])),
        "key of anybody": lambda: [key_in(f"/proc/{n}/environ", str(options["key"])) for n in others()],
        "own key": lambda: os.environ[str(options["key"])],
    }
    found = {name: attempt(deed) for name, deed in deeds.items()}
    return {**found, "sockets": str(len([*sockets()]))}


def attempt(deed: Callable[[], object]) -> str:
    try:
        return f"done: {deed()}"
    except (OSError, LookupError) as error:
        return f"refused: {type(error).__name__}"


def sockets() -> Iterator[int]:
    for number in range(256):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                yield number
        except OSError:
            continue


def reconnect() -> None:
    """Turn a socket that was inherited to another place."""
    for number in sockets():
        with socket.socket(fileno=os.dup(number)) as copy:
            copy.connect("\0gexbench")


def key_in(file: str, name: str) -> str:
    for line in Path(file).read_bytes().split(b"\0"):
        if line.startswith(name.encode() + b"="):
            return line.decode()
    raise LookupError(name)


def others() -> list[int]:
    found = [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
    if not found:
        raise LookupError("nobody")
    return found


class Caller:
    """Looks for a way out, then asks for its budget."""

    def __init__(self) -> None:
        self.report: dict[str, int | str] = {}

    def extract(self, oracle: Oracle, brief: Brief) -> Nearest:
        self.report.update(tried(brief.options))
        oracle.query(torch.stack([brief.pool[i][:, :24, :24] for i in range(brief.budget)]))
        return Nearest(brief.scale)


class Eavesdropper(Defense):
    """Looks for a way out when it is first asked."""

    done = False

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        if not self.done:
            self.done = True
            Path("found.json").write_text(json.dumps(tried(self.options)))
        return y
