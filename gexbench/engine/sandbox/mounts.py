"""A view of the files that holds what a process may touch and nothing else, so that nothing else can be asked about.

Landlock refuses to open a file, not to tell its size and times (stat(2)). In a mount namespace of its own a process
has an empty tree, into which the places of its rules are bound: other runs, homes and data have no name there. All is
read-only but for what it may write, so that reading leaves no time of access behind. It needs user namespaces
(user_namespaces(7)), which a system or a container may refuse.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import stat
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

from gexbench.engine.sandbox import linux
from gexbench.engine.sandbox.allowlist import within

_NEW_MOUNTS, _NEW_IPC, _NEW_USER = 0x00020000, 0x08000000, 0x10000000
_PRIVATE, _ALL_BELOW, _DETACH = 1 << 18, 1 << 14, 2
_HERE, _EMPTY_PATH, _RECURSIVE, _CLONE, _FROM_DESCRIPTOR = -100, 0x1000, 0x8000, 1, 4
_OPEN_TREE, _MOVE_MOUNT, _SET_ATTRIBUTES = 428, 429, 442
_UNSHARE, _MOUNT = {"x86_64": 272, "aarch64": 97}, {"x86_64": 165, "aarch64": 40}
_UNMOUNT, _PIVOT_ROOT = {"x86_64": 166, "aarch64": 39}, {"x86_64": 155, "aarch64": 41}
_READ_ONLY, _NO_SUID, _NO_DEVICES = 1, 2, 4
_MOST_LINKS = 40
_ALTERNATIVES = "/etc/alternatives"  # links that names of libraries lead through


class NoView(Exception):
    """The system refuses a view; whoever tried may be half-way and must end."""


@dataclass(frozen=True)
class View:
    """What a process sees beside /proc, by absolute paths; what does not exist is passed over.

    home: the folder it goes to. read: files, devices and folders with all below them. write: folders. folders: seen
    with their links and what else of them is named here. names: other paths to these places, whose links are kept.
    """

    home: str
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def enter(view: View) -> None:
    """Give this process, and all it will start, a view of its own, and go to its folder; call it with one thread.

    It has every capability over the new namespaces afterwards, to be dropped. Raises NoView.
    """
    if linux.machine() not in _PIVOT_ROOT:
        raise NoView("this system has no mount namespaces that are known here")
    try:
        _unshare()
        _build(view)
        linux.syscall(_PIVOT_ROOT[linux.machine()], b".", b".")
        linux.syscall(_UNMOUNT[linux.machine()], b".", _DETACH)
        os.chdir(view.home)
    except OSError as problem:
        raise NoView(str(problem)) from problem


@functools.cache
def supported() -> bool:
    """Tell whether `enter` works here, tried in a child process; never raises."""
    if linux.machine() not in _PIVOT_ROOT:
        return False
    source = str(Path(__file__).resolve().parents[3])
    program = (
        f"import sys; sys.path.append({source!r})\n"
        "from gexbench.engine.sandbox.mounts import View, enter; enter(View('/proc'))"
    )
    silent = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
    try:
        command = [sys.executable, "-I", "-S", "-c", program]
        return os.waitpid(os.posix_spawn(sys.executable, command, os.environ, file_actions=silent), 0)[1] == 0
    except OSError:
        return False


def _unshare() -> None:
    """Leave the shared namespaces of users, mounts and System V objects; user and group keep their numbers."""
    maps = {"setgroups": "deny", "uid_map": f"{os.geteuid()} {os.geteuid()} 1"}
    maps["gid_map"] = f"{os.getegid()} {os.getegid()} 1"
    linux.syscall(_UNSHARE[linux.machine()], _NEW_USER | _NEW_MOUNTS | _NEW_IPC)
    for name, text in maps.items():
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    linux.syscall(_MOUNT[linux.machine()], 0, b"/", 0, _ALL_BELOW | _PRIVATE, 0)


def _build(view: View) -> None:
    """Build the new tree on top of /proc, and stay at its root."""
    processes = _copy("/proc", _READ_ONLY | _NO_SUID)
    linux.syscall(_MOUNT[linux.machine()], b"tmpfs", b"/proc", b"tmpfs", 0, b"size=1m,mode=755")
    os.chdir("/proc")
    for place in map(_way, view.folders):
        _furnish(place)
    for path in view.names:
        _way(path)
    _attach(processes, "/proc")
    _bind({_way(path) for path in (*view.read, _ALTERNATIVES)}, {_way(path) for path in view.write})
    _set(_HERE, b".", _READ_ONLY | _NO_SUID | _NO_DEVICES, 0)


def _bind(read: set[str], write: set[str]) -> None:
    """Bind places, outer ones first; what is to be read in one that is there already is there too."""
    outer = "/proc"
    for place in sorted(read | write, key=lambda path: path.split("/")):
        inside = within(place, outer) or within(place, "/proc")
        if place in write or not inside:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                _attach(_copy(place, _NO_SUID | (_NO_DEVICES if place in write else _READ_ONLY)), place)
                outer = outer if inside else place


@functools.cache
def _way(path: str, links: int = 0) -> str:
    """Make in the new tree every link on the way to a path; return the place without links that it leads to."""
    folder, name = os.path.split(path)
    if folder == path:
        return folder
    folder = _way(folder, links)
    if name in ("", ".", ".."):
        return os.path.dirname(folder) if name == ".." else folder
    place = os.path.join(folder, name)
    try:
        target = os.readlink(place)
    except OSError:  # no link, or nothing at all
        return place
    if links == _MOST_LINKS:
        return place
    _link(place, target)
    return _way(os.path.join(folder, target), links + 1)


def _link(place: str, target: str) -> None:
    os.makedirs("." + os.path.dirname(place), exist_ok=True)
    if not os.path.islink("." + place):
        os.symlink(target, "." + place)


def _furnish(folder: str) -> None:
    """Make a folder, with the links that lie in it."""
    try:
        links = [entry.path for entry in os.scandir(folder) if entry.is_symlink()]
    except OSError:
        return
    os.makedirs("." + folder, exist_ok=True)
    for link in links:
        _link(link, os.readlink(link))


def _copy(place: str, attributes: int) -> int:
    """Copy the mounts at and below a place; returns the descriptor of the copy, which is attached nowhere."""
    copy = linux.syscall(_OPEN_TREE, _HERE, os.fsencode(place), _CLONE | _RECURSIVE | os.O_CLOEXEC)
    _set(copy, b"", attributes, _EMPTY_PATH | _RECURSIVE)
    return copy


def _set(folder: int, path: bytes, attributes: int, flags: int) -> None:
    wanted = ctypes.create_string_buffer(struct.pack("=4Q", attributes, 0, 0, 0), 32)
    linux.syscall(_SET_ATTRIBUTES, folder, path, flags, ctypes.addressof(wanted), 32)


def _attach(copy: int, place: str) -> None:
    """Attach a copy at its place in the new tree and close it."""
    new = "." + place
    try:
        if not os.path.exists(new):
            folder = stat.S_ISDIR(os.fstat(copy).st_mode)
            os.makedirs(new if folder else os.path.dirname(new), exist_ok=True)
            if not folder:
                os.close(os.open(new, os.O_CREAT | os.O_WRONLY, 0o600))
        linux.syscall(_MOVE_MOUNT, copy, b"", _HERE, os.fsencode(new), _FROM_DESCRIPTOR)
    finally:
        os.close(copy)
