"""A seccomp filter that refuses the system calls of `refusals` (seccomp(2)); on other processors than its two, none."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterable

from gexbench.engine.sandbox import linux
from gexbench.engine.sandbox.syscalls import Refusal, refusals

_SET_SECCOMP, _MODE_FILTER = 22, 2
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000


def supported() -> bool:
    """Tell whether the filter can be put up here: Linux with seccomp, on a processor the table covers."""
    if linux.machine() not in _ARCH:
        return False
    try:
        linux.prctl(_SET_SECCOMP, _MODE_FILTER, 0)
    except OSError as problem:
        return problem.errno == errno.EFAULT  # the mode is known, the empty filter was refused
    return False


def program(machine: str, entries: Iterable[Refusal]) -> bytes:
    """Assemble the filter: system calls of another processor mode (i386, x32) are refused as well."""
    refuse = _step(_RETURN, _ERRNO | errno.EPERM)
    code = [_step(_LOAD, 4), _step(_EQUAL, _ARCH[machine], 1, 0), refuse, _step(_LOAD, 0)]
    code += [_step(_AT_LEAST, _X32_BIT, 0, 1), refuse]
    for entry in entries:
        number = entry.x86_64 if machine == "x86_64" else entry.aarch64
        if number is not None:
            code += _refuse(number, entry)
    return b"".join([*code, _step(_RETURN, _ALLOW)])


def _refuse(number: int, entry: Refusal) -> list[bytes]:
    answer = _step(_RETURN, _ERRNO | entry.answer)
    if entry.when is None:
        return [_step(_EQUAL, number, 0, 1), answer]
    index, value, mask, equal = entry.when
    test = _step(_EQUAL, value, *((0, 1) if equal else (1, 0)))
    return [_step(_EQUAL, number, 0, 5), _step(_LOAD, 16 + 8 * index), _step(_AND, mask), test, answer, _step(_LOAD, 0)]


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def apply(landlock: int) -> None:
    """Put the filter up for this process and all it will start; needs `linux.no_new_privileges` before."""
    code = program(linux.machine(), refusals(landlock, os.getpid()))
    steps = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("@HP", len(code) // 8, ctypes.addressof(steps))
    pointer = ctypes.create_string_buffer(header, len(header))
    linux.prctl(_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(pointer))
