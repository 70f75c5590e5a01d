"""How a file is written, whole or not at all, and how one from elsewhere is read: bounded, and only if it is one."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from gexbench.errors import OutputError


def atomic_write(path: Path, content: bytes | Callable[[BinaryIO], object]) -> None:
    """Write a file whole or not at all, making its folder where needed.

    content: the bytes, or what is called with the open file. The file appears under its name only after it is complete
    and on the disk; until then, and after any failure, what stood there stays. Raises OutputError where it cannot be
    written; an OSError that `content` raises counts as one.
    """
    rest = path.parent / f".{path.name}.{os.urandom(4).hex()}.part"
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with rest.open("xb") as file:
                file.write(content) if isinstance(content, bytes) else content(file)
                file.flush()
                os.fsync(file.fileno())
            rest.replace(path)
    finally:
        _remove(rest)


def new_folder(within: Path) -> Path:
    """Make a folder that nobody had before, below one that is made where needed; raises OutputError."""
    with writing(within):
        within.mkdir(parents=True, exist_ok=True)
        import tempfile  # seldom needed, and a part of what `gexbench list` would wait for

        return Path(tempfile.mkdtemp(dir=within))


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError met while `path` is written into an OutputError that names the path and the reason."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write {path}: {_reason(error)}", _way_out(error)) from error


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Wait until no other process is in here with the same lock file.

    Where the system or the disk has no such locks, nobody waits.
    """
    with writing(lock):
        lock.parent.mkdir(parents=True, exist_ok=True)
        file = lock.open("ab")
    with file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        except (ImportError, OSError):
            pass
        yield


def read_bounded(path: Path, most: int) -> bytes:
    """Return the content of a regular file of at most `most` bytes.

    most: whole MiB. Raises OSError, whose `strerror` is for people, for all else: a pipe, a device, a folder, a larger
    file. None of them is waited for or read on.
    """
    try:
        file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError as error:
        raise OSError(errno.EINVAL, f"no name of a file ({error})") from None
    try:
        facts = os.fstat(file)
        if stat.S_ISDIR(facts.st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        with open(file, "rb", closefd=False) as stream:
            content = stream.read(most + 1)
    finally:
        os.close(file)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"more than {most >> 20} MiB")
    return content


def _remove(rest: Path) -> None:
    with suppress(OSError):  # it is in its place, or the OutputError under way says what is wrong
        rest.unlink()


def _reason(error: OSError) -> str:
    reasons: dict[int | None, str] = {
        errno.ENOSPC: "no space left on the disk",
        errno.EDQUOT: "the disk quota is used up",
        errno.EROFS: "the disk is read-only",
        errno.EACCES: "permission denied",
        errno.EPERM: "permission denied",
        errno.EEXIST: "a file stands where a folder is needed",
        errno.ENOTDIR: "a file stands where a folder is needed",
    }
    return reasons.get(error.errno) or error.strerror or str(error)


def _way_out(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "free some space, or choose another folder (GEXBENCH_HOME for weights, --out for runs)"
    return "choose a folder you may write to (GEXBENCH_HOME for weights, --out for runs)"
