"""The service process: holds victim, meter and ledger and runs no foreign code; reached through inherited channels."""

from __future__ import annotations

import select
import sys
import traceback

import torch

from gexbench.cards.own import is_remote
from gexbench.engine.kinds.endpoint import OpenVictim
from gexbench.engine.kinds.kind import TaskKind, task_kind
from gexbench.engine.sandbox import linux
from gexbench.engine.service.defense import Door, FarDoor, Guard
from gexbench.engine.service.dial import Dial, FarDial, Reach
from gexbench.engine.service.front import Defended, Undefended, stream
from gexbench.engine.service.ledger import Ledger
from gexbench.engine.service.meter import Meter
from gexbench.engine.service.victim import Paid, open_victim, refuse_changed, try_foreign
from gexbench.engine.wire.frames import STRANGERS, Bounds, BrokenFrame, Channel, Frame
from gexbench.engine.wire.guarding import StartDefense
from gexbench.engine.wire.image_file import StoredImages
from gexbench.engine.wire.messages import (
    Answer,
    AnswerUnmetered,
    Asked,
    Broken,
    Closed,
    CloseOracle,
    DrawUnmetered,
    Incident,
    Message,
    OpenService,
    Query,
    Ready,
    Refused,
    Sample,
    Settle,
    Settled,
    ShowQueried,
    Stop,
    Unmetered,
    read,
    receive,
    send,
)
from gexbench.engine.wire.pace import Pace
from gexbench.engine.wire.questions import BYTES_AT_ONCE
from gexbench.errors import GexbenchError, RunFailed

HONEST = "honest.sqlite"
"""The file of what left for the test's questions and for some of the client's, beside the ledger."""
STALLED = 60.0
"""Seconds that a client may take for a message, beside what its bytes earn, before its socket counts as broken."""


class Service:
    """A victim behind a meter, in whichever process it lives."""

    def __init__(self, order: OpenService, door: Door | None = None, dial: Dial | None = None) -> None:
        """Open victim and ledger, and the defense behind `door`; raises GexbenchError where one is not as ordered.

        dial: connects to a victim behind an address.
        """
        torch.set_num_threads(order.threads)
        plan, kind = order.plan, task_kind(order.plan.task.kind)
        ledger = Ledger(order.ledger, plan.id, plan.budget)
        beside = order.victim_code if dial is None else Reach(dial, order.headers, order.authorities, order.ledger)
        victim = open_victim(plan.victim, order.weights, plan.victim_weights, order.device, beside)
        self._paid = victim if isinstance(victim, Paid) else None
        refuse_changed(victim, plan.victim)
        try_foreign(victim, plan, order.sizes)
        undefended = plan.defense is None
        self.front = Undefended(kind.way, victim) if undefended else _defended(order, kind, victim, door)
        self.meter = Meter(kind.endpoint(plan, victim, self.front), ledger)

    def ask(self, question: Query | Sample) -> Answer | Refused:
        """Answer a question of the attack, metered."""
        return self.meter.ask(question)

    def unmetered(self, question: AnswerUnmetered | DrawUnmetered | ShowQueried) -> Unmetered:
        """Answer a question of the test, or show what left for one of the attack's."""
        if isinstance(question, ShowQueried):
            return self.front.queried(question.place, self.meter.ledger.spent)
        return self.meter.endpoint.unmetered(question)

    def close(self, for_evidence: bool = False) -> Closed:
        """Refuse the attack's questions from now on; for_evidence: and new ones in every later session."""
        self.meter.close()
        if for_evidence:
            self.front.finish(self.meter.ledger.spent)
            self.meter.ledger.shut()
        return Closed(account=self.meter.ledger.account(), delay=self.front.delay)

    def settle(self, watch: bool) -> Settled:
        """Say what the victim was paid; watch: and whether it answers as it did."""
        if self._paid is None:
            raise GexbenchError("a victim that is not paid was asked for its bill", "a bug; report it")
        changed = self._paid.watch() if watch else ""
        return Settled(bill=self._paid.bill(), changed=changed)

    def stop(self) -> None:
        """Close the ledger."""
        self.front.close()
        self.meter.ledger.close()


def _defended(order: OpenService, kind: TaskKind, victim: OpenVictim, door: Door | None) -> Defended:
    plan, stored = order.plan, [] if order.tests is None else StoredImages(order.tests)
    if plan.defense is None or door is None:
        raise GexbenchError("the service was given no way to its defense", "a bug; report it")
    guard = Guard(plan.defense.name, door, order.patience, plan.seed, bytes.fromhex(order.key))
    guard.start(
        StartDefense(
            entry=plan.defense.entry,
            code=order.defense_code,
            options=plan.defense_options,
            device=order.device,
            threads=order.threads,
            key=order.key,
            prepared=order.prepared,
        )
    )
    if "prepare" in guard.moments and order.prepared is None:
        hidden = f"the defense {plan.defense.name!r} has a prepare, and its card does not say prepares = true"
        raise RunFailed(hidden, "say so, or take prepare out")
    deployed = victim if order.owner is None else guard.harden(plan.victim, victim, order.owner)
    secret = bytes.fromhex(order.secret) + plan.seed.to_bytes(8, "little")
    told = stream(kind.tests(plan, victim, stored), plan.budget, order.ledger.with_name(HONEST), secret)
    return Defended(kind.way, (victim, deployed), guard, told)


class Server:
    """Serve the attack on one channel and the bench on another, one message at a time."""

    def __init__(self, control: Channel, oracle: Channel, service: Service) -> None:
        self.control, self.oracle, self.service = control, oracle, service
        oracle.bounds = Bounds(BYTES_AT_ONCE + STRANGERS, STRANGERS)

    def serve(self) -> None:
        """Serve until the bench says stop or goes away."""
        listening = [self.control, self.oracle]
        while True:
            ready, _, _ = select.select(listening, [], [])
            try:
                if self.control in ready:
                    if not self._serve_bench():
                        return
                elif not self._serve_attacker():
                    listening.remove(self.oracle)
                    self.oracle.close()  # who waits for an answer there shall not wait in vain
            except RunFailed as error:
                traceback.print_exc()
                self.service.close()  # it answers no more, and the bench still asks for the account
                send(self.control, _broken(error))

    def _serve_bench(self) -> bool:
        order = receive(self.control, CloseOracle, AnswerUnmetered, DrawUnmetered, ShowQueried, Settle, Stop)
        if order is None or isinstance(order, Stop):
            return False
        send(self.control, self._reply(order))
        return True

    def _reply(self, order: Message) -> Message:
        if isinstance(order, AnswerUnmetered | DrawUnmetered | ShowQueried):
            return self.service.unmetered(order)
        if isinstance(order, Settle):
            return self.service.settle(order.watch)
        return self.service.close(isinstance(order, CloseOracle) and order.for_evidence)

    def _serve_attacker(self) -> bool:
        try:
            frame = self.oracle.receive(Pace(STALLED).wait)
            if frame is None:
                return False
            reply = self._answered(frame)
            send(self.oracle, reply, Pace(STALLED).wait)
        except BrokenFrame as broken:
            send(self.control, Incident(text=f"the oracle's socket carried no frame: {broken}"))
            return False
        if isinstance(reply, Answer):
            send(self.control, Asked(spent=self.service.meter.budget - reply.remaining))
        return True

    def _answered(self, frame: Frame) -> Answer | Refused:
        try:
            return self.service.ask(read(frame, Query, Sample))
        except BrokenFrame as broken:
            return Refused(
                over=False,
                message=f"the oracle cannot read this: {broken}",
                hint="use oracle.query or oracle.sample",
                remaining=self.service.meter.remaining,
            )


def _broken(error: GexbenchError) -> Broken:
    return Broken(kind=type(error).__name__, message=str(error), hint=error.hint)


def main(argv: list[str]) -> int:
    """Run a service on the descriptors in `argv`: control, oracle, of its defense's process, of who connects for it."""
    linux.shield()
    control, oracle, *others = (Channel.inherited(int(fd)) for fd in argv)
    try:
        order = receive(control, OpenService)
        if order is None:
            return 1
        dial = FarDial(others.pop().end) if is_remote(order.plan.victim) else None
        service = Service(order, FarDoor(others[0]) if others else None, dial)
        send(control, Ready())
        Server(control, oracle, service).serve()
        service.stop()
    except GexbenchError as error:
        send(control, _broken(error))
        return 1
    except BrokenFrame as broken:
        send(control, _broken(GexbenchError(f"the service cannot read its orders: {broken}", "a bug; report it")))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
