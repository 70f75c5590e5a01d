"""The two parties as child processes, each behind a control channel."""

from __future__ import annotations

import contextlib
import select
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from torch import Tensor

from gexbench import errors
from gexbench.engine.attacker.process import LONGEST_LATENT
from gexbench.engine.run import clock
from gexbench.engine.run.clock import READY_WITHIN, attack_clock, evidence_clock, start_clock
from gexbench.engine.run.parties import Journal, Start
from gexbench.engine.sandbox.launch import Child, Job, launch
from gexbench.engine.sandbox.rules import Rules
from gexbench.engine.wire.frames import BrokenFrame, Channel, Frame, pair
from gexbench.errors import GexbenchError, RunFailed
from gexbench.record import Account

LONG = 7 * 86400.0


@dataclass(frozen=True)
class Place:
    """Where a child runs: its folder, its log, and the rules of its sandbox."""

    folder: Path
    log: Path
    rules: Rules


@dataclass(frozen=True)
class Ends:
    """The two ends of the oracle's channel, one for each child."""

    service: Channel
    contender: Channel


def oracle_ends() -> Ends:
    """Return a new oracle channel."""
    return Ends(*pair())


def _spawn(module: str, place: Place, oracle: Channel) -> tuple[Child, Channel]:
    ours, theirs = pair()
    place.folder.mkdir(parents=True, exist_ok=True)
    fds = (theirs.fileno(), oracle.fileno())
    child = launch(Job(module, tuple(map(str, fds)), fds, place.folder, place.log, place.rules, {}))
    theirs.close()
    oracle.close()
    return child, ours


class RemoteService:
    """A service process; a frame it sends unasked (a question was answered or refused) goes to the journal."""

    def __init__(self, start: Start, place: Place, oracle: Channel, journal: Journal) -> None:
        self.child, self.control = _spawn("gexbench.engine.service.process", place, oracle)
        self._journal, self._log, self._budget = journal, place.log, start.plan.budget
        plan = start.plan.model_dump(mode="json")
        self.control.send(
            "start", plan=plan, files=dict(start.service_files), device=start.device, threads=start.threads
        )

    def wait_ready(self) -> None:
        """Wait until victim and ledger are open; raises what the service raised."""
        self._expect("ready", READY_WITHIN)

    def close(self) -> Account:
        """Refuse questions from now on and return the account."""
        return self._account("close")

    def answer(self, x: Tensor) -> Mapping[str, Tensor]:
        """Return unmetered answers to test inputs (N,3,h,w) uint8."""
        self.control.send("answer", {"x": x})
        return self._expect("answered", LONG).tensors

    def draw(self, first: int, n: int) -> Mapping[str, Tensor]:
        """Return unmetered images number `first` and on, which are never sold."""
        self.control.send("draw", first=first, n=n)
        return self._expect("answered", LONG).tensors

    def stop(self) -> None:
        """End the process and note its memory."""
        self._journal.peak_memory["service"] = _stop(self.child, self.control).peak_memory

    def handle(self) -> Frame | None:
        """Read one frame; an unasked one is noted and None is returned. Raises when the service broke."""
        try:
            frame = self.control.receive()
        except BrokenFrame as broken:
            raise GexbenchError(f"the service process broke off: {broken}", f"see {self._log}") from None
        if frame is None:
            raise GexbenchError("the service process ended unexpectedly", f"see {self._log}")
        if frame.op == "broken":
            _raise_named(frame)
        if frame.op == "asked":
            self._journal.tick("asking the victim", int(frame.values["spent"]), self._budget)
            return None
        if frame.op in ("refused", "incident"):
            if frame.op == "incident":
                self._journal.note([frame.values["text"]])
            return None
        return frame

    def _account(self, op: str) -> Account:
        self.control.send(op)
        return Account.model_validate(self._expect("account", LONG).values["account"])

    def _expect(self, op: str, within: float) -> Frame:
        until = time.monotonic() + within
        while time.monotonic() < until:
            if select.select([self.control], [], [], 1.0)[0]:
                frame = self.handle()
                if frame is not None and frame.op == op:
                    return frame
        raise GexbenchError(f"the service did not answer within {within:g} s", f"see {self._log}")


class RemoteContender:
    """A contender process: everything it sends is a claim, and a frame out of turn ends the run."""

    def __init__(self, start: Start, place: Place, oracle: Channel, service: RemoteService, journal: Journal) -> None:
        self.child, self.control = _spawn("gexbench.engine.attacker.process", place, oracle)
        self._service, self._journal, self._log = service, journal, place.log
        self._brief, self._deadline = start.brief, start.plan.deadline
        self._clock = start_clock()
        self._stopped = False
        self.latent_size: int | None = None

    def wait_ready(self) -> None:
        """Wait until the process can take an attack, of which it knows nothing yet; raises RunFailed."""
        self._expect("ready")

    def extract(self) -> None:
        """Hand over the attack and wait for its surrogate while the service answers.

        The deadline counts from here. Raises RunFailed when it is over, or at an early end.
        """
        self._send("start", {}, **self._brief)
        self._clock = attack_clock(self._deadline)
        with self._clock:
            self._take_report(self._extracted())
        self._clock = evidence_clock(self._deadline)

    def _extracted(self) -> Frame:
        while True:
            ready, _, _ = select.select([self.control, self._service.control], [], [], self._clock.wait())
            if self._service.control in ready:
                self._service.handle()
            if self.control in ready:
                frame = self._receive()
                if frame.op == "extracted":
                    return frame
                if frame.op == "progress":
                    self._journal.tick(*_claim(frame))

    def infer(self, x: Tensor) -> Tensor:
        """Return the surrogate's raw output for (N,3,h,w) uint8, or for latents (N,d) float32."""
        self._send("infer", {"x": x})
        frame = self._expect("image")
        if set(frame.tensors) != {"y"}:
            raise RunFailed("the attack's process sent no image")
        return frame.tensors["y"].float()

    def save(self, folder: Path) -> str:
        """Have the surrogate's weights saved below `folder`; returns the class it names."""
        self._send("save", {}, folder=str(folder))
        frame = self._expect("saved")
        self._journal.note(frame.values.get("incidents"))
        return str(frame.values.get("kind", ""))[:200]

    def stop(self) -> None:
        """End the process with everything it started, and note what was left."""
        if self._stopped:
            return
        self._stopped = True
        end = _stop(self.child, self.control)
        self._journal.peak_memory["contender"] = end.peak_memory
        if end.stragglers:
            self._journal.note([f"left {end.stragglers} process(es) behind, killed"])

    def _take_report(self, frame: Frame) -> None:
        size = frame.values.get("latent_size")
        self.latent_size = size if type(size) is int and 1 <= size <= LONGEST_LATENT else None
        self._journal.note(frame.values.get("incidents"))
        report = frame.values.get("report")
        for key, value in list(report.items())[:32] if isinstance(report, dict) else []:
            if isinstance(value, (int, float, str)):
                self._journal.report[str(key)[:60]] = value[:200] if isinstance(value, str) else value

    def _send(self, op: str, tensors: Mapping[str, Tensor], **values: Any) -> None:
        try:
            self.control.send(op, tensors, **values)
        except BrokenFrame:
            self._ended()

    def _expect(self, op: str) -> Frame:
        with self._clock:
            while True:
                if select.select([self.control], [], [], self._clock.wait())[0]:
                    frame = self._receive()
                    if frame.op == op:
                        return frame
                    if frame.op != "progress":
                        raise RunFailed(f"the attack's process sent {frame.op[:40]!r} where {op!r} was due")

    def _receive(self) -> Frame:
        try:
            frame = self.control.receive()
        except BrokenFrame as broken:
            raise RunFailed(f"the attack's process sent something else than a frame: {broken}") from None
        if frame is None:
            self._ended()
        if frame.op == "failed":
            self._journal.note(frame.values.get("incidents"))
            raise RunFailed("the attack raised " + str(frame.values.get("reason", "an error"))[:600])
        return frame

    def _ended(self) -> NoReturn:
        end = self.child.wait(clock.ENDED_WITHIN)
        how = (
            "its process went away"
            if end is None
            else (
                f"its process was ended by signal {end.signal}"
                if end.signal
                else f"its process exited with code {end.code}"
            )
        )
        raise RunFailed(f"the attack ended early: {how} before it had handed back a surrogate", f"see {self._log}")


@dataclass(frozen=True)
class _End:
    peak_memory: int
    stragglers: int


def _stop(child: Child, control: Channel) -> _End:
    with contextlib.suppress(BrokenFrame):
        control.send("stop")
    end = child.wait(clock.STOPPED_WITHIN)
    if end is None:
        child.kill()
        end = child.wait(10.0)
    control.close()
    return _End(end.peak_memory if end else 0, end.stragglers if end else 0)


def _claim(frame: Frame) -> tuple[str, int, int]:
    try:
        return str(frame.values["what"])[:60], int(frame.values["done"]), int(frame.values["total"])
    except (KeyError, TypeError, ValueError):
        return "working", 0, 0


def _raise_named(frame: Frame) -> NoReturn:
    kind = getattr(errors, str(frame.values["kind"]), GexbenchError)
    raise kind(str(frame.values["message"]), str(frame.values["hint"]))
