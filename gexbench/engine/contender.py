"""The contender process: runs untrusted attack code, with a brief, an oracle and nothing else."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from gexbench.cards.entry import load_entry
from gexbench.core.attack import Brief, Progress, Surrogate
from gexbench.core.images import from_uint8, to_uint8
from gexbench.engine import watch
from gexbench.engine.frames import BrokenFrame, Channel, Frame
from gexbench.engine.meter import checked
from gexbench.engine.stored import StoredImages
from gexbench.errors import BudgetError, QueryError


class RemoteOracle:
    """The oracle as an attack sees it; implements core.oracle.Oracle. Threads may share it, child processes may not."""

    def __init__(self, channel: Channel, budget: int) -> None:
        self.budget, self.remaining = budget, budget
        self._channel, self._lock, self._owner = channel, threading.Lock(), os.getpid()

    def query(self, x: Tensor) -> Tensor:
        """Ask the victim about a batch; see core.oracle.Oracle.query."""
        if os.getpid() != self._owner:
            raise QueryError("the oracle belongs to the process it was given to", "ask from the parent process")
        images = to_uint8(checked(x.detach().cpu()))
        with self._lock:
            self._channel.send("query", {"x": images})
            reply = self._channel.receive()
        if reply is None:
            raise QueryError("the oracle has closed: the attack has ended", "ask inside extract()")
        self.remaining = int(reply.values["remaining"])
        if reply.op == "refused":
            kind = BudgetError if reply.values["over"] else QueryError
            raise kind(str(reply.values["message"]), str(reply.values["hint"]))
        return from_uint8(reply.tensors["y"])


def make_brief(values: Mapping[str, Any], progress: Progress) -> Brief:
    """Build the brief from the values of a start frame; seeds torch's global generator too."""
    torch.manual_seed(values["seed"])
    truth = values.get("truth")
    return Brief(
        pool=StoredImages(Path(values["pool"])),
        truth=StoredImages(Path(truth)) if truth else None,
        scale=values["scale"],
        budget=values["budget"],
        knowledge=frozenset(values["knowledge"]),
        device=torch.device(values["device"]),
        precision=values["precision"],
        seed=values["seed"],
        generator=torch.Generator().manual_seed(values["seed"]),
        deadline=values["deadline"],
        options={key: tuple(v) if isinstance(v, list) else v for key, v in values["options"].items()},
        workdir=Path(values["workdir"]),
        progress=progress,
    )


def infer(surrogate: Surrogate, x: Tensor, device: torch.device) -> Tensor:
    """Return a surrogate's raw output for one 8-bit batch (N,3,h,w), as float32 on the CPU."""
    with torch.inference_mode():
        y = surrogate(from_uint8(x).to(device))
    if not isinstance(y, Tensor):
        raise TypeError(f"the surrogate returned {type(y).__name__}, not a tensor")
    return y.detach().float().cpu().contiguous()


def save_surrogate(surrogate: Surrogate, folder: Path) -> str:
    """Save a module's weights as safetensors and name its class; returns the class path."""
    kind = type(surrogate)
    if isinstance(surrogate, nn.Module):
        state = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in surrogate.state_dict().items()}
        safetensors.torch.save_file(state, folder / "model.safetensors")
    return f"{kind.__module__}:{kind.__qualname__}"


class Contender:
    """Follow the bench's frames: start, then infer any number of times, then save."""

    def __init__(self, control: Channel, oracle: Channel) -> None:
        self.control, self.oracle = control, oracle
        self.incidents = watch.Incidents()

    def run(self) -> None:
        """Say that everything is loaded, then run one attack from its start frame to the end."""
        self.control.send("ready")
        start = self.control.receive()
        if start is None or start.op != "start":
            return
        values = start.values
        torch.set_num_threads(int(values["threads"]))
        brief = make_brief(values, self._progress)
        self.incidents = watch.install(values["private"], values["writable"])
        before = watch.snapshot()
        attack = load_entry(values["entry"], Path(values["code"]) if values.get("code") else None)()
        surrogate = attack.extract(RemoteOracle(self.oracle, brief.budget), brief)
        if isinstance(surrogate, nn.Module):
            surrogate.eval()
        report = {str(k): v for k, v in getattr(attack, "report", {}).items() if isinstance(v, (int, float, str))}
        self.control.send("extracted", incidents=self.incidents.list() + watch.changes(before), report=report)
        self._answer_bench(surrogate, brief)

    def _progress(self, what: str, done: int, total: int) -> None:
        self.control.send("progress", what=str(what), done=int(done), total=int(total))

    def _answer_bench(self, surrogate: Surrogate, brief: Brief) -> None:
        while (frame := self.control.receive()) is not None:
            if frame.op == "infer":
                self.control.send("image", {"y": infer(surrogate, frame.tensors["x"], brief.device)})
            elif frame.op == "save":
                self._save(surrogate, frame)
            else:
                return

    def _save(self, surrogate: Surrogate, frame: Frame) -> None:
        folder = Path(frame.values["folder"])
        folder.mkdir(parents=True, exist_ok=True)
        self.control.send("saved", kind=save_surrogate(surrogate, folder), incidents=self.incidents.list())


def main(argv: list[str]) -> int:
    """Run a contender on the two descriptors in `argv`: control, oracle."""
    contender = Contender(*(Channel.inherited(int(fd)) for fd in argv))
    try:
        contender.run()
    except BrokenFrame:
        return 1
    except BaseException as error:
        traceback.print_exc()
        reason = f"{type(error).__name__}: {str(error)[:500]}"
        contender.control.send("failed", reason=reason, incidents=contender.incidents.list())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
