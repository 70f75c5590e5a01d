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
from gexbench.core.oracle import Samples
from gexbench.engine.attacker import audit
from gexbench.engine.service.meter import checked
from gexbench.engine.wire.frames import BrokenFrame, Channel, Frame
from gexbench.engine.wire.image_file import StoredImages
from gexbench.errors import BudgetError, QueryError

LONGEST_LATENT = 1 << 14


class RemoteOracle:
    """The oracle as an attack sees it; implements core.oracle.Oracle. Threads may share it, child processes may not."""

    def __init__(self, channel: Channel, budget: int) -> None:
        self.budget, self.remaining = budget, budget
        self._channel, self._lock, self._owner = channel, threading.Lock(), os.getpid()

    def query(self, x: Tensor) -> Tensor:
        """Ask the victim about a batch; see core.oracle.Oracle.query."""
        return from_uint8(self._ask("query", {"x": to_uint8(checked(x.detach().cpu()))})["y"])

    def sample(self, n: int) -> Samples:
        """Have the victim draw images; see core.oracle.Oracle.sample."""
        tensors = self._ask("sample", {}, n=n)
        return Samples(from_uint8(tensors["y"]), tensors.get("z"))

    def _ask(self, op: str, tensors: Mapping[str, Tensor], **values: int) -> Mapping[str, Tensor]:
        if os.getpid() != self._owner:
            raise QueryError("the oracle belongs to the process it was given to", "ask from the parent process")
        with self._lock:
            self._channel.send(op, tensors, **values)
            reply = self._channel.receive()
        if reply is None:
            raise QueryError("the oracle has closed: the attack has ended", "ask inside extract()")
        self.remaining = int(reply.values["remaining"])
        if reply.op == "refused":
            kind = BudgetError if reply.values["over"] else QueryError
            raise kind(str(reply.values["message"]), str(reply.values["hint"]))
        return reply.tensors


def make_brief(values: Mapping[str, Any], progress: Progress) -> Brief:
    """Build the brief from the values of a start frame; seeds torch's global generator too."""
    torch.manual_seed(values["seed"])
    truth, real = (StoredImages(Path(values[key])) if values.get(key) else None for key in ("truth", "real"))
    return Brief(
        pool=StoredImages(Path(values["pool"])),
        truth=truth,
        real=real,
        discriminator=leaked(values["discriminator"]) if values.get("discriminator") else None,
        victim=leaked(values["victim"]) if values.get("victim") else None,
        scale=values["scale"],
        side=values["side"],
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


def leaked(values: Mapping[str, Any]) -> nn.Module:
    """Return a part of a victim in evaluation mode; values: the victim's `entry` and `net`, the part, and a file."""
    whole: nn.Module = load_entry(values["entry"])().build(values["net"])
    part = whole.get_submodule(values["part"])
    part.load_state_dict(safetensors.torch.load_file(values["file"]), strict=True)
    return part.eval().requires_grad_(False)


def infer(surrogate: Surrogate, x: Tensor, device: torch.device) -> Tensor:
    """Return a surrogate's raw output for an 8-bit batch (N,3,h,w), or for latents (N,d), as float32 on the CPU."""
    with torch.inference_mode():
        y = _made(surrogate, x.to(device)) if x.ndim == 2 else surrogate(from_uint8(x).to(device))
    if not isinstance(y, Tensor):
        raise TypeError(f"the surrogate returned {type(y).__name__}, not a tensor")
    return y.detach().float().cpu().contiguous()


def _made(surrogate: Surrogate, z: Tensor) -> Any:
    try:
        return surrogate(z)
    except Exception as error:  # a surrogate is foreign code
        told = f"the surrogate says latent_size {z.shape[1]} and cannot take latents of the shape {tuple(z.shape)}"
        raise ValueError(f"{told} ({type(error).__name__}: {error})") from error


def latent_size(surrogate: Surrogate) -> int | None:
    """Return the length of the latents a surrogate takes; None where it takes images or does not say."""
    size = getattr(surrogate, "latent_size", None)
    return size if type(size) is int and 1 <= size <= LONGEST_LATENT else None


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
        self.incidents = audit.Incidents()

    def run(self) -> None:
        """Say that everything is loaded, then run one attack from its start frame to the end."""
        self.control.send("ready")
        start = self.control.receive()
        if start is None or start.op != "start":
            return
        values = start.values
        torch.set_num_threads(int(values["threads"]))
        brief = make_brief(values, self._progress)
        self.incidents = audit.install(values["private"], values["writable"])
        before = audit.snapshot()
        attack = load_entry(values["entry"], Path(values["code"]) if values.get("code") else None)()
        surrogate = attack.extract(RemoteOracle(self.oracle, brief.budget), brief)
        if isinstance(surrogate, nn.Module):
            surrogate.eval()
        report = {str(k): v for k, v in getattr(attack, "report", {}).items() if isinstance(v, (int, float, str))}
        incidents = self.incidents.list() + audit.changes(before)
        self.control.send("extracted", incidents=incidents, report=report, latent_size=latent_size(surrogate))
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
