"""The service process: holds victim, defense, meter and ledger; reached through two inherited channels."""

from __future__ import annotations

import select
import sys
import traceback

import torch
from torch import nn

from gexbench.cards.entry import load_entry
from gexbench.core.defense import Defense
from gexbench.engine.kinds.guard import Guard
from gexbench.engine.kinds.kind import task_kind
from gexbench.engine.sandbox import linux
from gexbench.engine.service.ledger import Ledger
from gexbench.engine.service.meter import Meter
from gexbench.engine.service.victim import open_victim
from gexbench.engine.wire.frames import STRANGERS, Bounds, BrokenFrame, Channel, Frame
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
    Stop,
    Unmetered,
    read,
    receive,
    send,
)
from gexbench.engine.wire.pace import Pace
from gexbench.engine.wire.questions import BYTES_AT_ONCE
from gexbench.errors import GexbenchError, RunFailed

STALLED = 60.0
"""Seconds that a client may take for a message, beside what its bytes earn, before its socket counts as broken."""


class Service:
    """A victim behind a meter, in whichever process it lives."""

    def __init__(self, order: OpenService) -> None:
        """Open victim, defense and ledger; raises GexbenchError where one of them is not what the order says."""
        torch.set_num_threads(order.threads)
        plan = order.plan
        ledger = Ledger(order.ledger, plan.id, plan.budget)
        defense = _defense(order)

        def harden(net: nn.Module) -> nn.Module:
            return net if order.owner is None else defense.harden(net, StoredImages(order.owner))

        victim = open_victim(plan.victim, order.weights, plan.victim_weights, order.device, harden)
        self.meter = Meter(task_kind(plan.task.kind).endpoint(plan, victim, defense), ledger)

    def ask(self, question: Query | Sample) -> Answer | Refused:
        """Answer a question of the attack, metered."""
        return self.meter.ask(question)

    def unmetered(self, question: AnswerUnmetered | DrawUnmetered) -> Unmetered:
        """Answer a question of the test."""
        return self.meter.endpoint.unmetered(question)

    def close(self, for_evidence: bool = False) -> Closed:
        """Refuse the attack's questions from now on; for_evidence: and new ones in every later session."""
        self.meter.close()
        if for_evidence:
            self.meter.ledger.shut()
        return Closed(account=self.meter.ledger.account())

    def stop(self) -> None:
        """Close the ledger."""
        self.meter.ledger.close()


def _defense(order: OpenService) -> Defense:
    card, options = order.plan.defense, order.plan.defense_options
    return Defense({}) if card is None else Guard(card.name, load_entry(card.entry, order.defense_code)(options))


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
        order = receive(self.control, CloseOracle, AnswerUnmetered, DrawUnmetered, Stop)
        if order is None or isinstance(order, Stop):
            return False
        send(self.control, self._reply(order))
        return True

    def _reply(self, order: Message) -> Message:
        if isinstance(order, AnswerUnmetered | DrawUnmetered):
            return self.service.unmetered(order)
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
    """Run a service on the two descriptors in `argv`: control, oracle."""
    linux.shield()
    control, oracle = (Channel.inherited(int(fd)) for fd in argv)
    try:
        order = receive(control, OpenService)
        if order is None:
            return 1
        service = Service(order)
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
