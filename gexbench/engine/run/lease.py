"""A lease on a folder that machines share: held by one process, and seen to be dead when it no longer beats.

Leases are numbered files. Who makes number n + 1, which a disk lets one do alone, has taken over from n; numbers are
never given twice, so nobody can take over from who has taken over. The holder writes a new beat into its file from time
to time, and others watch that file by their own monotonic clock: no clock of one machine is held against another's, and
none that jumps matters. A holder that finds a higher number than its own has lost its lease. It looks before it writes
what would count; what it could not write, on a disk that hangs, it finds out when the disk is back.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gexbench.engine.sandbox import landlock
from gexbench.errors import Busy
from gexbench.files import read_bounded, writing

BEAT = 10.0
"""Seconds between the beats of a lease."""
LAPSE = 120.0
"""Seconds without a beat after which others take over."""
LENGTH = 256
"""Bytes of a beat, always as many, so that a reader meets one whole."""
WAY_OUT = "wait for it, or use --out"


@dataclass
class Lease:
    """A lease that was taken; `lost` once it is known that somebody else has taken over."""

    file: Path
    lost: bool = False
    _beats: int = 0
    _stopped: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    @classmethod
    def take(cls, folder: Path, dead: bool) -> Lease:
        """Take the lease of a folder, which is made; raises Busy where another holds it, and OutputError.

        dead: that another holder of this machine's would have shown itself otherwise, by a lock of the system's, so
        that one of this machine's that did not is no more; one of another machine's is watched for LAPSE.
        """
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            number = _newest(folder)
            if number and not (dead and _is_of_this_machine(folder / str(number))):
                _watch(folder / str(number))
            lease = cls(folder / str(number + 1))
            try:
                os.close(os.open(lease.file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
            except FileExistsError:
                raise Busy(f"another gexbench has just begun in {folder.parent}", WAY_OUT) from None
            lease.write()
        main = threading.current_thread() is threading.main_thread()
        lease._thread = threading.Thread(target=lease._keep, args=(main,), daemon=True)
        lease._thread.start()
        return lease

    def write(self, free: bool = False) -> None:
        """Write the next beat; raises OSError."""
        self._beats += 1
        told = {**_holder(), "beat": self._beats, "free": free}
        line = json.dumps(told).encode()[: LENGTH - 1].ljust(LENGTH - 1) + b"\n"
        with self.file.open("r+b", buffering=0) as file:
            file.write(line)

    def is_ours(self) -> bool:
        """Say whether nobody has taken over; False stays False."""
        above = self.file.with_name(str(int(self.file.name) + 1))
        self.lost = self.lost or os.path.lexists(above) or not os.path.lexists(self.file)
        return not self.lost

    def follows_unsandboxed(self) -> bool:
        """Say whether this machine has Landlock, and one of an earlier holder had not, or did not tell."""
        earlier = (self.file.with_name(str(number)) for number in range(1, int(self.file.name)))
        return landlock.abi() >= 1 and any(_told(_read(file)).get("landlock") is not True for file in earlier)

    def refuse_lost(self) -> None:
        """Raise Busy where somebody else has taken over."""
        if not self.is_ours():
            raise Busy(f"another gexbench has taken over {self.file.parent.parent}: this one was not heard of", WAY_OUT)

    def give_back(self) -> None:
        """Let the next one begin at once."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
        if self.is_ours():
            with suppress(OSError):  # then the next one waits until it has lapsed
                self.write(free=True)

    def _keep(self, of_main: bool) -> None:
        """Beat until the lease is given back; where it is lost, interrupt the main thread if that is its holder."""
        while not self._stopped.wait(BEAT):
            if self.is_ours():
                try:
                    self.write()
                except OSError:  # a full disk: whoever takes over then is found next time
                    continue
            else:
                if of_main and not self._stopped.is_set():
                    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
                return


def _newest(folder: Path) -> int:
    """Return the highest number among a folder's leases, 0 where there is none."""
    return max((int(name) for name in os.listdir(folder) if name.isdecimal()), default=0)


def _watch(file: Path) -> None:
    """Return once a lease is free or did not beat for LAPSE; raises Busy as soon as it beats."""
    first, until = _read(file), time.monotonic() + LAPSE
    while not _told(first).get("free") and time.monotonic() < until:
        time.sleep(min(BEAT / 4, 1.0))
        now = _read(file)
        if _told(now).get("free"):
            return
        if now != first:
            where = _told(now).get("host", "another machine")
            raise Busy(f"another gexbench is running in {file.parent.parent}, on {where}", WAY_OUT)


def _is_of_this_machine(file: Path) -> bool:
    told = _told(_read(file))
    return bool(told) and all(told.get(key) == value for key, value in _machine().items())


def _read(file: Path) -> bytes:
    return read_bounded(file, LENGTH)


def _told(content: bytes) -> dict[str, Any]:
    """Return what a lease says of its holder; nothing where it was not written whole."""
    try:
        told = json.loads(content)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _holder() -> dict[str, Any]:
    return {**_machine(), "pid": os.getpid(), "landlock": landlock.abi() >= 1}


def _machine() -> dict[str, str]:
    """Return what no other machine has, and this one not after it was started again."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = ""
    return {"host": platform.node()[:80], "boot": boot}
