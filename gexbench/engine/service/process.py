"""The service process: holds victim weights, defense, meter and ledger; reached through two inherited channels."""

from __future__ import annotations

import select
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gexbench.cards.entry import load_entry
from gexbench.core.defense import Defense
from gexbench.engine.kinds.guard import Guard
from gexbench.engine.kinds.sampling import SamplingDesk
from gexbench.engine.sandbox import linux
from gexbench.engine.service.ledger import Ledger, question_digest
from gexbench.engine.service.meter import Desk, Meter
from gexbench.engine.store.weights import load_weights, salted
from gexbench.engine.wire.frames import BrokenFrame, Channel, Frame
from gexbench.engine.wire.image_file import StoredImages
from gexbench.errors import BudgetError, GexbenchError, QueryError, RunFailed
from gexbench.plan import Plan


def open_desk(plan: Plan, files: dict[str, Any], device: torch.device) -> Desk | SamplingDesk:
    """Build victim and defense from a plan.

    files: `weights` (path), `defense_code` (folder or None), and where the defense hardens `owner` (stored images).
    """
    net: nn.Module = load_entry(plan.victim.entry)().build(plan.victim.net)
    load_weights(net, Path(files["weights"]), plan.victim_weights)
    defense = Defense({})
    if plan.defense is not None:
        code = Path(files["defense_code"]) if files.get("defense_code") else None
        defense = Guard(plan.defense.name, load_entry(plan.defense.entry, code)(plan.defense_options))
    if plan.defense is not None and plan.defense.hardens:
        net = defense.harden(net, StoredImages(Path(files["owner"])))
    side = plan.scale.side
    net = net.eval().requires_grad_(False).to(device)
    if plan.task.kind == "image-to-image":
        return Desk(net, defense, device, plan.task.scale, plan.seed, side)
    assert side is not None  # the task's card was checked
    secret = salted(Path(files["weights"]), "latents")
    return SamplingDesk(net, defense, device, plan.seed, side, secret, "latents" in plan.attack.needs)


class Service:
    """Answer the contender through the meter and the bench on its own channel, one frame at a time."""

    def __init__(self, control: Channel, oracle: Channel, meter: Meter) -> None:
        self.control, self.oracle, self.meter = control, oracle, meter

    def serve(self) -> None:
        """Serve until the bench says stop or goes away."""
        listening = [self.control, self.oracle]
        while True:
            ready, _, _ = select.select(listening, [], [])
            try:
                if self.control in ready:
                    frame = self.control.receive()
                    if frame is None or frame.op == "stop":
                        return
                    self._serve_bench(frame)
                elif not self._serve_contender():
                    listening.remove(self.oracle)
            except RunFailed as error:
                self._give_up(error)

    def _give_up(self, error: RunFailed) -> None:
        """Answer no more questions and say why; the bench ends the run and still asks for the account."""
        traceback.print_exc()
        self.meter.close()
        _report(self.control, error)

    def _serve_contender(self) -> bool:
        try:
            frame = self.oracle.receive()
            if frame is not None:
                self._reply(frame)
            return frame is not None
        except BrokenFrame as broken:
            self.control.send("incident", text=f"the oracle's socket carried no frame: {broken}")
            return False

    def _reply(self, frame: Frame) -> None:
        try:
            answer = self._answered(frame)
        except QueryError as error:
            self._refuse(error)
            return
        self.oracle.send("answer", answer, remaining=self.meter.remaining)
        self.control.send("asked", spent=self.meter.budget - self.meter.remaining)

    def _answered(self, frame: Frame) -> dict[str, torch.Tensor]:
        if frame.op == "query" and set(frame.tensors) == {"x"}:
            return {"y": self.meter.query_uint8(frame.tensors["x"])}
        if frame.op == "sample" and set(frame.values) == {"n"}:
            images, latents = self.meter.sample_uint8(frame.values["n"])
            return {"y": images} if latents is None else {"y": images, "z": latents}
        raise QueryError(f"the oracle knows no request {frame.op!r}", "use oracle.query or oracle.sample")

    def _refuse(self, error: QueryError) -> None:
        over = isinstance(error, BudgetError)
        self.oracle.send("refused", over=over, message=str(error), hint=error.hint, remaining=self.meter.remaining)
        self.control.send("refused", text=str(error))

    def _serve_bench(self, frame: Frame) -> None:
        handlers: dict[str, Callable[[Frame], None]] = {
            "close": self._close,
            "answer": self._answer,
            "draw": self._draw,
        }
        handlers[frame.op](frame)

    def _close(self, frame: Frame) -> None:
        self.meter.close()
        self.control.send("account", account=self.meter.ledger.account().model_dump())

    def _answer(self, frame: Frame) -> None:
        self.control.send("answered", answer_test(self.meter.desk, frame.tensors["x"]))

    def _draw(self, frame: Frame) -> None:
        self.control.send("answered", draw_test(self.meter.desk, frame.values["first"], frame.values["n"]))


def draw_test(desk: Desk | SamplingDesk, first: int, n: int) -> dict[str, torch.Tensor]:
    """Return unmetered images number `first` and on, which are never sold: `plain`, and `guarded` under a defense."""
    assert isinstance(desk, SamplingDesk)
    numbers = range(first, first + n)
    latents = desk.latents("test", numbers)
    images = {"plain": desk.plain(latents)}
    if type(desk.defense) is not Defense:
        digests = [question_digest((number,), b"test") for number in numbers]
        images["guarded"] = desk.guarded(latents, digests, 0)
    return images


def answer_test(desk: Desk | SamplingDesk, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the unmetered answers to test inputs (N,3,h,w) uint8: `plain`, and `guarded` under a defense."""
    assert isinstance(desk, Desk)
    answers = {"plain": desk.plain(x)}
    if type(desk.defense) is not Defense:
        digests = [question_digest(image.shape, b"test" + image.numpy().tobytes()) for image in x]
        answers["guarded"] = desk.guarded(x, digests, 0)
    return answers


def _report(control: Channel, error: GexbenchError) -> None:
    control.send("broken", kind=type(error).__name__, message=str(error), hint=error.hint)


def main(argv: list[str]) -> int:
    """Run a service on the two descriptors in `argv`: control, oracle."""
    linux.shield()
    control, oracle = (Channel.inherited(int(fd)) for fd in argv)
    start = control.receive()
    if start is None:
        return 1
    try:
        torch.set_num_threads(int(start.values["threads"]))
        plan, files = Plan.model_validate(start.values["plan"]), start.values["files"]
        ledger = Ledger(Path(files["ledger"]), plan.id, plan.budget)
        meter = Meter(open_desk(plan, files, torch.device(start.values["device"])), ledger)
        control.send("ready")
        Service(control, oracle, meter).serve()
        ledger.close()
    except GexbenchError as error:
        _report(control, error)
        return 1
    except BrokenFrame:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
