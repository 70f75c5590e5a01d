"""Service and attacker as child processes, each behind a control channel."""

from __future__ import annotations

import contextlib
import select
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NoReturn

from torch import Tensor

from gexbench import errors
from gexbench.cards.endpoint import endpoint_of
from gexbench.cards.own import is_remote, is_slow
from gexbench.engine.attacker.surrogate import LARGEST_ANSWER
from gexbench.engine.run import clock
from gexbench.engine.run.clock import READY_WITHIN, Clock, start_clock
from gexbench.engine.run.defense import Confines, DefenseProcess
from gexbench.engine.run.dialler import dialler
from gexbench.engine.run.sides import Journal
from gexbench.engine.sandbox.launch import Child, Job, launch
from gexbench.engine.service.defense import HARDENED_WITHIN
from gexbench.engine.wire.frames import STRANGERS, Bounds, BrokenFrame, Channel, Wait, pair
from gexbench.engine.wire.messages import (
    AnswerUnmetered,
    Asked,
    Broken,
    Closed,
    CloseOracle,
    DrawUnmetered,
    Extracted,
    Failed,
    Incident,
    M,
    Message,
    OpenService,
    Progress,
    Ready,
    Save,
    Saved,
    Settle,
    Settled,
    ShowQueried,
    StartAttack,
    Stop,
    Unmetered,
    receive,
    send,
)
from gexbench.errors import GexbenchError, RunFailed


@dataclass(frozen=True)
class Ends:
    """The two ends of the oracle's channel, one for each child."""

    service: Channel
    attacker: Channel


def oracle_ends() -> Ends:
    """Return a new oracle channel."""
    return Ends(*pair())


def _spawn(module: str, confines: Confines, passed: Sequence[Channel]) -> tuple[Child, Channel]:
    ours, theirs = pair()
    confines.folder.mkdir(parents=True, exist_ok=True)
    fds = (theirs.fileno(), *(channel.fileno() for channel in passed))
    child = launch(Job(module, tuple(map(str, fds)), fds, confines.folder, confines.log, confines.rules, {}))
    for channel in (theirs, *passed):
        channel.close()
    return child, ours


class RemoteService:
    """A service process; implements sides.ServiceSide. What it sends unasked goes to the journal.

    defense: where the process of the plan's defense runs, which comes and goes with this one. Where the victim is
    behind an address, a thread here connects for it.
    """

    def __init__(
        self,
        order: OpenService,
        confines: Confines,
        oracle: Channel,
        journal: Journal,
        defense: Confines | None = None,
    ) -> None:
        self._defense = None if defense is None else DefenseProcess(defense, journal)
        channels = [oracle] if self._defense is None else [oracle, self._defense.service]
        if is_remote(order.plan.victim):
            channels.append(dialler(endpoint_of(order.plan.victim)))
        self.child, self.control = _spawn("gexbench.engine.service.process", confines, channels)
        slow = is_slow(order.plan.victim)
        self._ready_within = READY_WITHIN + (HARDENED_WITHIN if order.owner else clock.ANSWERED_WITHIN if slow else 0.0)
        self._journal, self._log, self._budget = journal, confines.log, order.plan.budget
        self._send(order)

    def wait_ready(self) -> None:
        """Wait until victim and ledger are open; raises what the service raised."""
        self._expect(Ready, self._ready_within)

    def close(self, for_evidence: bool = False) -> Closed:
        """Refuse questions from now on and return the account."""
        self._send(CloseOracle(for_evidence=for_evidence))
        return self._expect(Closed, clock.ANSWERED_WITHIN)

    def unmetered(self, question: AnswerUnmetered | DrawUnmetered | ShowQueried) -> Unmetered:
        """Return the answers to a question of the test, or what left for one of the attack's."""
        self._send(question)
        return self._expect(Unmetered, clock.ANSWERED_WITHIN)

    def settle(self, watch: bool) -> Settled:
        """Return what a victim behind an address was paid; watch: and whether it answers as before."""
        self._send(Settle(watch=watch))
        return self._expect(Settled, clock.ANSWERED_WITHIN)

    def stop(self) -> None:
        """End the process and note its memory."""
        self._journal.peak_memory["service"] = _stop(self.child, self.control).peak_memory
        if self._defense is not None:
            self._defense.stop()

    def handle(self, wait: Wait) -> None:
        """Take note of a message it sent unasked; raises when the service broke, and what `wait` raises."""
        self._note(self._receive(wait, Asked, Incident, Broken))

    def _expect(self, due: type[M], within: float) -> M:
        with self._clock(within) as left:
            while True:
                message = self._receive(left.wait, due, Asked, Incident, Broken)
                if isinstance(message, due):
                    return message
                self._note(message)

    def _clock(self, within: float) -> Clock:
        return Clock(within, GexbenchError(f"the service did not answer within {within:g} s", f"see {self._log}"))

    def _note(self, message: Message) -> None:
        if isinstance(message, Broken):
            raise _named(message.kind)(message.message, message.hint)
        if isinstance(message, Asked):
            self._journal.progress("asking the victim", message.spent, self._budget)
        if isinstance(message, Incident):
            self._journal.note((message.text,))

    def _send(self, message: Message) -> None:
        with contextlib.suppress(BrokenFrame), self._clock(clock.ANSWERED_WITHIN) as left:
            send(self.control, message, left.wait)  # what it said before it went says why

    def _receive(self, wait: Wait, *due: type[Message]) -> Message:
        try:
            message = receive(self.control, *due, wait=wait)
        except BrokenFrame as broken:
            raise GexbenchError(f"the service process broke off: {broken}", f"see {self._log}") from None
        if message is None:
            raise GexbenchError("the service process ended unexpectedly", f"see {self._log}")
        return message


class UntrustedProcess:
    """A process that runs foreign code. What it sends is a claim, and out of turn it ends the run.

    module: what it runs. role: its name in the journal. subject, due: it and what it owes, in sentences. unasked: what
    it may send before an answer.
    """

    module: ClassVar[str]
    role: ClassVar[str]
    subject: str
    due: ClassVar[str]
    unasked: ClassVar[tuple[type[Message], ...]] = (Progress, Failed)

    def __init__(self, confines: Confines, passed: Sequence[Channel], journal: Journal) -> None:
        self.child, self.control = _spawn(self.module, confines, passed)
        self._journal, self._log = journal, confines.log
        self._clock: Clock = start_clock()
        self._stopped = False
        self.control.bounds = Bounds(STRANGERS, STRANGERS)

    def wait_ready(self) -> None:
        """Wait until the process can take an order, of which it knows nothing yet; raises RunFailed."""
        with self._clock:
            self._due(Ready)

    def stop(self) -> None:
        """End the process with everything it started, and note what was left."""
        if self._stopped:
            return
        self._stopped = True
        with self._clock:  # until it has ended it can work
            end = _stop(self.child, self.control)
        self._journal.timesheet.settle()
        self._journal.peak_memory[self.role] = end.peak_memory
        if end.stragglers:
            self._journal.note((f"left {end.stragglers} process(es) behind, killed",))

    @contextlib.contextmanager
    def _reading(self, answer: int) -> Iterator[None]:
        """Read frames that are larger by an answer of so many bytes, inside the block."""
        self.control.bounds = Bounds(STRANGERS + answer, STRANGERS)
        try:
            yield
        finally:
            self.control.bounds = Bounds(STRANGERS, STRANGERS)

    def _send(self, message: Message) -> None:
        try:
            send(self.control, message, self._clock.wait)
        except BrokenFrame:
            self._ended()

    def _ask(self, question: Message, due: type[M]) -> M:
        with self._clock:
            self._send(question)
            return self._due(due)

    def _due(self, due: type[M]) -> M:
        while True:
            message = self._receive(due, *self.unasked)
            if isinstance(message, due):
                return message

    def _receive(self, *due: type[Message]) -> Message:
        """Return a message; progress goes to the journal, a failure is raised."""
        try:
            message = receive(self.control, *due, wait=self._clock.wait)
        except BrokenFrame as broken:
            raise RunFailed(
                f"{self.subject}'s process sent something else than a frame it may send: {broken}"
            ) from None
        if message is None:
            self._ended()
        if isinstance(message, Progress):
            self._journal.progress(message.what, message.done, message.total)
        if isinstance(message, Failed):
            self._journal.note(message.incidents)
            raise RunFailed(f"{self.subject} {message.reason}")
        return message

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
        raise RunFailed(f"{self.subject} ended early: {how} before it had {self.due}", f"see {self._log}")


class RemoteAttacker(UntrustedProcess):
    """An attack's process; implements sides.AttackerSide."""

    module = "gexbench.engine.attacker.process"
    role, subject, due = "attacker", "the attack", "handed back a surrogate"

    def __init__(
        self, order: StartAttack, confines: Confines, oracle: Channel, service: RemoteService, journal: Journal
    ) -> None:
        super().__init__(confines, (oracle,), journal)
        self._order, self._service = order, service

    def extract(self) -> None:
        """Hand over the attack and wait for its surrogate while the service answers.

        The deadline counts from here. Raises RunFailed when it is over, or at an early end.
        """
        self._clock = self._journal.timesheet.extraction()
        with self._clock:
            self._send(self._order)
            extracted = self._extracted()
        self._journal.timesheet.settle()
        self._journal.note(extracted.incidents)
        self._journal.report.update(extracted.report)

    def _extracted(self) -> Extracted:
        while True:
            ready, _, _ = select.select([self.control, self._service.control], [], [], self._clock.wait())
            if self._service.control in ready:
                self._service.handle(self._clock.wait)
            if self.control in ready:
                message = self._receive(Extracted, Progress, Failed)
                if isinstance(message, Extracted):
                    return message

    def save(self, folder: Path) -> Tensor | None:
        """Have what the surrogate is built anew from saved in `folder`; what this takes counts as extraction.

        Returns its answer to the probe, if it gives one.
        """
        with self._reading(LARGEST_ANSWER):
            saved = self._ask(Save(folder=folder), Saved)
        self._journal.note(saved.incidents)
        return saved.answer


def _named(kind: str) -> type[GexbenchError]:
    found = getattr(errors, kind, None)
    return found if isinstance(found, type) and issubclass(found, GexbenchError) else GexbenchError


@dataclass(frozen=True)
class _End:
    peak_memory: int
    stragglers: int


def _stop(child: Child, control: Channel) -> _End:
    with contextlib.suppress(BrokenFrame), Clock(clock.STOPPED_WITHIN, BrokenFrame("it does not read")) as left:
        send(control, Stop(), left.wait)
    end = child.wait(clock.STOPPED_WITHIN)
    if end is None:
        child.kill()
        end = child.wait(10.0)
    control.close()
    return _End(end.peak_memory if end else 0, end.stragglers if end else 0)
