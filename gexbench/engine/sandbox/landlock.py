"""Landlock: a process names what it may still reach, the kernel refuses the rest.

Source: docs.kernel.org/userspace-api/landlock.html.
Rules hold for inodes and everything beneath them, so symbolic links lead nowhere new; a hard link or a bind mount of a
hidden file inside an allowed folder does, which no allow-list of paths can help.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Iterable
from enum import IntFlag

from gexbench.engine.sandbox import linux

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION_QUERY = 1
_PATH_BENEATH = 1
_BOTH = 0b11  # TCP: bind and connect; scopes: abstract unix sockets and signals
_NEWEST = 7  # the highest interface version this file knows the rights of


class Access(IntFlag):
    """A right on files and folders, by its bit in the kernel's interface."""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    REMOVE_DIR = 1 << 4
    REMOVE_FILE = 1 << 5
    MAKE_CHAR = 1 << 6
    MAKE_DIR = 1 << 7
    MAKE_REG = 1 << 8
    MAKE_SOCK = 1 << 9
    MAKE_FIFO = 1 << 10
    MAKE_BLOCK = 1 << 11
    MAKE_SYM = 1 << 12
    REFER = 1 << 13
    TRUNCATE = 1 << 14
    IOCTL_DEV = 1 << 15


LIST = Access.READ_DIR
READ = LIST | Access.READ_FILE | Access.EXECUTE
# No links, pipes, sockets or devices: whoever reads the folder afterwards must not be led elsewhere or made to wait.
WRITE = (
    READ
    | (Access.WRITE_FILE | Access.TRUNCATE | Access.REFER)
    | (Access.MAKE_REG | Access.MAKE_DIR | Access.REMOVE_FILE | Access.REMOVE_DIR)
)
DEVICE = Access.READ_FILE | Access.WRITE_FILE | Access.TRUNCATE | Access.IOCTL_DEV
_FOR_FILES = Access.EXECUTE | DEVICE


def abi() -> int:
    """Tell the interface version of the running kernel; 0 where Landlock is missing or switched off."""
    if not linux.machine():
        return 0
    try:
        return min(linux.syscall(_CREATE, 0, 0, _VERSION_QUERY), _NEWEST)
    except OSError:
        return 0


def handled(version: int) -> Access:
    """List the file rights that a kernel of this interface version can refuse."""
    bits = 13 + (version >= 2) + (version >= 3) + (version >= 5)
    return Access((1 << bits) - 1)


def confine(grants: Iterable[tuple[str, Access]], version: int) -> None:
    """Refuse this process, and all it will start, every file, TCP port and foreign process but for the grants.

    Granted paths that do not exist are passed over. Needs `linux.no_new_privileges` before; raises OSError.
    """
    rights = handled(version)
    words = [rights] + [_BOTH] * (version >= 4) + [_BOTH] * (version >= 6)  # files, TCP, scopes
    attributes = ctypes.create_string_buffer(struct.pack(f"={len(words)}Q", *words), 8 * len(words))
    ruleset = linux.syscall(_CREATE, ctypes.addressof(attributes), len(attributes), 0)
    try:
        for path, access in grants:
            _grant(ruleset, path, access & rights)
        linux.syscall(_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def _grant(ruleset: int, path: str, access: Access) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError as problem:
        if problem.errno in (errno.ENOENT, errno.ENOTDIR, errno.EACCES):
            return
        raise
    try:
        folder = stat.S_ISDIR(os.fstat(place).st_mode)
        allowed = access if folder else access & _FOR_FILES
        if allowed:
            rule = ctypes.create_string_buffer(struct.pack("=Qi", allowed, place), 12)
            linux.syscall(_ADD, ruleset, _PATH_BENEATH, ctypes.addressof(rule), 0)
    finally:
        os.close(place)
