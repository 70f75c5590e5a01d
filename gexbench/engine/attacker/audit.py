"""Put a name to what untrusted code tries, from inside its own process.

Nothing here stops anything: the sandbox does. A determined attack can blind these eyes; an honest mistake, or a cheat
that does not care, becomes a sentence in the record.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import sys
from collections.abc import Sequence
from typing import Any

from gexbench.engine.attacker.tampering import MOST, changes, short, snapshot

__all__ = ["Incidents", "changes", "install", "snapshot"]

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_HARMLESS = ("/dev/null", "/dev/zero", "/dev/tty")
# Audit events on paths: what was tried, which arguments are paths, which are descriptors of folders these start from.
_PATH_EVENTS = {
    "os.rename": ("rename", (0, 1), (2, 3)),
    "os.remove": ("delete", (0,), (1,)),
    "os.rmdir": ("delete", (0,), (1,)),
    "os.mkdir": ("make the folder", (0,), (2,)),
    "os.symlink": ("make the link", (1,), (2,)),
    "os.link": ("link", (0, 1), (2, 3)),
    "os.truncate": ("cut off", (0,), ()),
    "os.chmod": ("change the mode of", (0,), (2,)),
    "os.chown": ("change the owner of", (0,), (3,)),
}
_OTHER_PROCESS = re.compile(r"/proc/(\d+)(/|$)")


class Incidents:
    """What was tried, each thing once, the first twenty of them."""

    def __init__(self) -> None:
        self._texts: dict[str, None] = {}

    def add(self, text: str) -> None:
        """Note one attempt, cut to a line's length."""
        line = short(text)
        if len(self._texts) < MOST:
            self._texts.setdefault(line)

    def list(self) -> list[str]:
        """Return the attempts in the order they were made."""
        return list(self._texts)


def install(private: Sequence[str], writable: Sequence[str], own: Sequence[str] = ()) -> Incidents:
    """Watch this process through Python's audit events (docs.python.org/3/library/audit_events.html) until it ends.

    private: files and folders not to be read. writable: folders that may be written. own: what of `private` may be read
    all the same. Returns the growing list.
    """
    incidents = Incidents()
    eye = _Eye(incidents, _resolved(private), _resolved((*writable, *_HARMLESS)), _resolved(own))

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in eye.seen:
            with contextlib.suppress(Exception):  # a watcher must not change what it watches
                eye.look(event, arguments)

    sys.addaudithook(hook)
    return incidents


class _Eye:
    """Turn audit events into incidents."""

    seen = frozenset(
        [*_PATH_EVENTS, "open", "os.kill", "os.killpg"]
        + [f"socket.{name}" for name in ("__new__", "connect", "bind", "sendto", "sendmsg", "getaddrinfo")]
    )

    def __init__(
        self, incidents: Incidents, private: tuple[str, ...], writable: tuple[str, ...], own: tuple[str, ...]
    ) -> None:
        self._incidents, self._private, self._writable, self._own = incidents, private, writable, own

    def look(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Judge one event."""
        if event == "open":
            self._open(*arguments)
        elif event in _PATH_EVENTS:
            self._alter(arguments, *_PATH_EVENTS[event])
        elif event.startswith("socket."):
            self._connect(event, arguments)
        elif arguments[0] in (-1, 1, os.getppid()):
            self._incidents.add(f"tried to send signal {arguments[1]} to process {arguments[0]}")

    def _open(self, path: object, mode: object, flags: int) -> None:
        place = _place(path)
        if place is None:
            return
        if flags & _WRITES and not _below(place, self._writable):
            self._incidents.add(f"tried to write {place}")
        elif _below(place, self._private) and not _below(place, (*self._writable, *self._own)):
            self._incidents.add(f"tried to read {place}")
        elif (other := _OTHER_PROCESS.match(place)) and int(other[1]) != os.getpid():
            self._incidents.add(f"tried to read {place}, of another process")

    def _alter(self, arguments: tuple[Any, ...], what: str, paths: Sequence[int], folders: Sequence[int]) -> None:
        if any(arguments[index] != -1 for index in folders):
            return  # relative to an open folder, which has no name here
        places = [place for place in (_place(arguments[index], follow=False) for index in paths) if place]
        if not all(_below(place, self._writable) for place in places):
            self._incidents.add(f"tried to {what} " + " to ".join(places))

    def _connect(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.getaddrinfo":
            self._incidents.add(f"tried to look up the address of {arguments[0]!r}")
        elif event == "socket.__new__":
            if arguments[1] not in (socket.AF_UNIX, -1):
                self._incidents.add("tried to open a network socket")
        elif arguments[1] is not None:
            what = "listen at" if event == "socket.bind" else "open a connection to"
            self._incidents.add(f"tried to {what} {arguments[1]!r}")


def _place(path: object, follow: bool = True) -> str | None:
    if isinstance(path, int) or path is None:
        return None
    text = os.path.abspath(os.fsdecode(path))  # type: ignore[arg-type]
    if follow:
        return os.path.realpath(text)
    return os.path.join(os.path.realpath(os.path.dirname(text)), os.path.basename(text))


def _below(place: str, folders: Sequence[str]) -> bool:
    return any(place == folder or place.startswith(folder + "/") for folder in folders)


def _resolved(paths: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(form for path in paths for form in (os.path.realpath(path), os.path.abspath(path))))
