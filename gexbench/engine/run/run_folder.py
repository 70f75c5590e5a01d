"""The folder of one run: who may write what in it, and how a record gets there whole."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Literal

from gexbench.engine.run.lease import WAY_OUT, Lease
from gexbench.errors import Busy, OutputError
from gexbench.files import atomic_write, read_bounded, writing
from gexbench.plan import Plan
from gexbench.record import RunRecord, read_record

AWAY = ".away-"
KEY_BYTES = 32
ANEW = "start the run anew with --fresh"


@dataclass(frozen=True)
class RunFolder:
    """runs/<name>/: plan.json, key.sha256, timesheet.json, record.json, samples.png, surrogate/ are the bench's.

    service/ holds the ledger, the defense's key and the bench's secret and is the service's; attacker/ holds the
    attack's own folder, defense/ the defense's, and claim/ that of the defense as it judges ownership, on what lies in
    trial/; code/ and brief/ are what they may read. What the processes print is in service.log, log.txt,
    surrogate.log, defense.log and claim.log.
    """

    path: Path
    _leases: list[Lease] = field(default_factory=list, repr=False, compare=False)

    @property
    def record(self) -> Path:
        """Return the record's path."""
        return self.path / "record.json"

    @property
    def ledger(self) -> Path:
        """Return the ledger's path."""
        return self.path / "service" / "ledger.sqlite"

    def key(self) -> bytes:
        """Return the run's 32 bytes for its defense, drawn once; their SHA-256 lies open in the run's folder.

        The key lies where the service alone reads. Raises OutputError where what lies there is not the key whose hash
        was kept.
        """
        commitment = self.path / "key.sha256"
        if commitment.exists() and not self._own("key").exists():
            raise OutputError(f"the run's key {self._own('key')} is gone", ANEW)
        key = self._drawn_once("key")
        if not commitment.exists():  # nothing was answered yet
            atomic_write(commitment, _hash_of(key))
        if commitment.read_bytes() != _hash_of(key):
            raise OutputError(f"{self._own('key')} is not the key whose hash {commitment} holds", ANEW)
        return key

    def secret(self) -> bytes:
        """Return 32 bytes that no defense is told, drawn once: what the places of the test's questions are drawn by."""
        return self._drawn_once("secret")

    def take(self, name: Literal["key", "secret"], value: bytes) -> None:
        """Give a run that has none a key or a secret that is known, so that its defense answers as in another run."""
        atomic_write(self._own(name), lambda file: _for_us_alone(file, value))

    def _own(self, name: str) -> Path:
        return self.ledger.with_name(name)

    def _drawn_once(self, name: Literal["key", "secret"]) -> bytes:
        if not self._own(name).exists():
            self.take(name, secrets.token_bytes(KEY_BYTES))
        try:
            value = read_bounded(self._own(name), 1 << 20)
        except OSError as error:
            raise OutputError(f"{self._own(name)} cannot be read: {error.strerror}", ANEW) from None
        if len(value) != KEY_BYTES:
            raise OutputError(f"{self._own(name)} holds {len(value)} bytes, and a {name} has {KEY_BYTES}", ANEW)
        return value

    @property
    def timesheet(self) -> Path:
        """Return the path of what the attack has used of its time; the bench's alone."""
        return self.path / "timesheet.json"

    @cached_property
    def work(self) -> Path:
        """Return the attacker's own folder.

        Its name is drawn once and then found again: no sandbox keeps an attack from asking for the size and times of a
        file whose path it knows, so no other run may know this one's.
        """
        above = self.path / "attacker"
        kept = sorted(path for path in above.glob("*") if path.is_dir()) if above.is_dir() else []
        return kept[0] if kept else above / secrets.token_hex(16)

    @property
    def code(self) -> Path:
        """Return the folder of the copies of plug-ins that run."""
        return self.path / "code"

    def new_defense(self, name: str = "defense") -> Path:
        """Return a folder of the defense's own, with nothing of an earlier attempt; its name as that of `work`."""
        shutil.rmtree(self.path / name, ignore_errors=True)
        return self.path / name / secrets.token_hex(16)

    @property
    def logs(self) -> tuple[Path, Path, Path]:
        """Return what service, attack and defense print."""
        return self.path / "service.log", self.path / "log.txt", self.path / "defense.log"

    @property
    def brief(self) -> Path:
        """Return the folder of the images the attacker is given."""
        return self.path / "brief"

    @property
    def log(self) -> Path:
        """Return the file of what the attack prints."""
        return self.path / "log.txt"

    @property
    def saved(self) -> Path:
        """Return where the attack's process saves the surrogate."""
        return self.work / "surrogate"

    @property
    def surrogate(self) -> Path:
        """Return where the bench keeps the surrogate."""
        return self.path / "surrogate"

    @cached_property
    def scratch(self) -> Path:
        """Return the surrogate's own folder while it gives evidence; nobody knows its name, as with `work`."""
        return self.path / f"{AWAY}{secrets.token_hex(16)}"

    def finished(self) -> RunRecord | None:
        """Return the record of a run that ended well, or None."""
        record = read_record(self.record) if self.record.is_file() else None
        return record if record is not None and record.status == "ok" else None

    def set_aside(self) -> Path | None:
        """Rename the folder with all in it, and return its new path; None where there is none. Raises OutputError."""
        if not self.path.exists():
            return None
        with self.locked(), writing(self.path):
            earlier = len(list(self.path.parent.glob(f"{self.path.name}.before-*"))) + 1
            return self.path.rename(self.path.with_name(f"{self.path.name}.before-{earlier}"))

    @property
    def trial(self) -> Path:
        """Return the folder of what was judged to say who owns the surrogate."""
        return self.path / "trial"

    def new_trial(self) -> Path:
        """Empty the folder of what a defense reads as it judges ownership, and return it; raises OutputError."""
        shown = self.trial / "shown"
        with writing(shown):
            shutil.rmtree(shown, ignore_errors=True)
            shown.mkdir(parents=True)
        return shown

    def drop_work(self) -> None:
        """Remove what the attack was given and made beside its surrogate."""
        for folder in (self.path / "attacker", self.brief):
            shutil.rmtree(folder, ignore_errors=True)

    def open(self, plan: Plan, anew: bool = False) -> None:
        """Make the folders and write the plan; raises OutputError.

        anew: with nothing of an earlier attempt but its ledger, and the time it used. An attempt that was killed while
        it was tested has no record and did not fail: all of its work is done again, in time of its own. What an attempt
        made on a machine without Landlock, where it could read what it liked, reaches none on a machine with it.
        """
        with writing(self.path):
            leftovers = (self.work, self.brief, self.surrogate, *self.path.glob(f"{AWAY}*"))
            tainted = any(lease.follows_unsandboxed() for lease in self._leases)
            for folder in leftovers if anew or tainted else ():
                shutil.rmtree(folder, ignore_errors=True)
                if os.path.lexists(folder):
                    raise OSError(errno.EEXIST, "an earlier attempt's files cannot be removed")
            if anew and not self.record.exists():
                self.timesheet.unlink(missing_ok=True)
            for folder in (self.path, self.work, self.brief, self.ledger.parent):
                folder.mkdir(parents=True, exist_ok=True)
        atomic_write(self.path / "plan.json", plan.model_dump_json(indent=2).encode())

    @contextmanager
    def put_away(self) -> Iterator[None]:
        """Keep what the attack made, printed and was given under a name that nobody knows, while a surrogate answers.

        A sandbox keeps files from being read, not from being asked for size and time.
        """
        away = self.path / f"{AWAY}{secrets.token_hex(16)}"
        moved = [path for path in (self.path / "attacker", self.brief, self.log) if path.exists()]
        with writing(self.path):
            away.mkdir()
            for path in moved:
                os.replace(path, away / path.name)
        try:
            yield
        finally:
            with writing(self.path):
                for path in moved:
                    os.replace(away / path.name, path)
                away.rmdir()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second bench out of this folder, on this machine or another. Raises Busy and OutputError.

        A lock of the system's goes with the process; where machines share a disk it may not reach the others, and there
        is a lease beside it. A process that was not heard of for too long has lost the folder to who came then: this
        raises Busy instead of what it did.
        """
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / ".lock").open("a")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                locks = True
            except BlockingIOError:
                raise Busy(f"another gexbench is running in {self.path}", WAY_OUT) from None
            except OSError:  # a disk without locks
                locks = False
            lease = Lease.take(self.path / ".lease", dead=locks)
            self._leases.append(lease)
            try:
                yield
            except KeyboardInterrupt:
                lease.refuse_lost()
                raise
            finally:
                self._leases.remove(lease)
                lease.give_back()

    def put_record(self, record: RunRecord) -> RunRecord:
        """Seal and write a record; one that is there already is kept beside it, never changed.

        Raises Busy where somebody else has taken over the folder.
        """
        for lease in self._leases:
            lease.refuse_lost()
        if self.record.exists():
            kind = "before" if self.finished() else "failed"
            earlier = len(list(self.path.glob(f"record.{kind}-*.json"))) + 1
            os.replace(self.record, self.path / f"record.{kind}-{earlier}.json")
        sealed = record.sealed()
        atomic_write(self.record, (sealed.model_dump_json(indent=2) + "\n").encode())
        return sealed


def _hash_of(key: bytes) -> bytes:
    return hashlib.sha256(key).hexdigest().encode() + b"\n"


def _for_us_alone(file: BinaryIO, content: bytes) -> None:
    os.fchmod(file.fileno(), 0o600)
    file.write(content)
