"""The few Linux calls that Python's standard library lacks; none of them does anything on another system."""

from __future__ import annotations

import ctypes
import functools
import os
import sys

_SET_PDEATHSIG, _SET_DUMPABLE, _CAPBSET_DROP, _SET_CHILD_SUBREAPER = 1, 4, 24, 36
_SET_NO_NEW_PRIVS, _CAP_AMBIENT, _AMBIENT_CLEAR_ALL = 38, 47, 4
_CAPSET = {"x86_64": 126, "aarch64": 91}
_CAPABILITY_VERSION_3 = 0x20080522


def machine() -> str:
    """Name the processor architecture; empty where this is not 64-bit Linux."""
    return os.uname().machine if sys.platform == "linux" and sys.maxsize > 2**32 else ""


def syscall(number: int, *arguments: int | bytes) -> int:
    """Make a raw system call with texts (bytes), integers or addresses; raises OSError with the kernel's errno."""
    words = (each if isinstance(each, bytes) else ctypes.c_long(each) for each in arguments)
    result = int(_libc().syscall(ctypes.c_long(number), *words))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def prctl(option: int, *arguments: int) -> int:
    """Call prctl(2), unused arguments zero; raises OSError. Does nothing outside Linux."""
    if sys.platform != "linux":
        return 0
    padded = (*arguments, 0, 0, 0, 0)[:4]
    result = int(_libc().prctl(ctypes.c_int(option), *(ctypes.c_ulong(each) for each in padded)))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def die_with_parent(signal_number: int) -> None:
    """Ask the kernel to send this process a signal when the thread that forked it ends (prctl(2))."""
    prctl(_SET_PDEATHSIG, signal_number)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, however often it forked (prctl(2))."""
    prctl(_SET_CHILD_SUBREAPER, 1)


def shield() -> None:
    """Keep other processes of the same user out of this one's memory and /proc files; undone by exec.

    Root passes through it; against root's processes only Landlock stands.
    """
    prctl(_SET_DUMPABLE, 0)


def no_new_privileges() -> None:
    """Make set-user-ID and file capabilities worthless from here on; Landlock and seccomp ask for it."""
    prctl(_SET_NO_NEW_PRIVS, 1)


def drop_capabilities() -> None:
    """Give up every capability, the bounding set too where that is ours to give up (capabilities(7))."""
    if machine() not in _CAPSET:
        return
    for capability in range(64):
        try:
            prctl(_CAPBSET_DROP, capability)
        except OSError:  # EINVAL past the last capability, EPERM for whoever is not root
            break
    prctl(_CAP_AMBIENT, _AMBIENT_CLEAR_ALL)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    syscall(_CAPSET[machine()], ctypes.addressof(header), ctypes.addressof(nothing))
