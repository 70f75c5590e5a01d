"""Defenses that cheat, and the attack that meets them."""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from cheats import Nearest, append, connect, read
from torch import Tensor, nn

from gexbench.core.attack import Brief
from gexbench.core.defense import Defense, History
from gexbench.core.oracle import Oracle


class Asker:
    """Asks for its whole budget; the defenses are the cheats here."""

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        batch, size = int(brief.options["batch"]), 24
        for start in range(0, oracle.budget, batch):
            chosen = [brief.pool[i % len(brief.pool)] for i in range(start, min(oracle.budget, start + batch))]
            x = torch.stack([image[:, :size, :size] for image in chosen])
            noise = torch.rand(x.shape, generator=brief.generator) * 0.1
            oracle.query((x + noise).clamp(0, 1))
        return Nearest()


WAYS = ("history", "calls", "chain", "chance", "batch", "stack", "pause", "first")


class Watched(Defense):
    """Sells negatives to whom it takes for an attacker."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.calls, self.next, self.last = 0, 0, time.monotonic()
        self.verdicts: list[dict[str, bool]] = []

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        ways = WAYS if self.options["way"] == "all" else (str(self.options["way"]),)
        found = {way: bool(getattr(self, f"by_{way}")(x, y, history)) for way in ways}
        self.calls, self.last = self.calls + 1, time.monotonic()
        self.verdicts.append({"test": self.by_sight(x, y, history), **found})
        Path("verdicts.json").write_text(json.dumps(self.verdicts))
        return y if all(found.values()) else 1 - y

    def by_history(self, x: Tensor, y: Tensor, history: History) -> bool:
        """Nothing was paid for: a test."""
        return history.answered == 0

    def by_calls(self, x: Tensor, y: Tensor, history: History) -> bool:
        """More calls than there are questions: the attack has ended."""
        return self.calls >= 16

    def by_chain(self, x: Tensor, y: Tensor, history: History) -> bool:
        """The count does not follow on the last one: somebody else asks."""
        follows = history.answered == self.next
        self.next += follows
        return not follows

    def by_chance(self, x: Tensor, y: Tensor, history: History) -> bool:
        """The chance is not what a client's question has with the key under any small seed of a run."""
        from gexbench.engine.service.defense import Guard
        from gexbench.engine.wire.questions import question_digest

        pixels = (x[0] * 255).round().byte()
        digest = question_digest(pixels.shape, pixels.numpy().tobytes())
        seeds = {Guard._chance(type("", (), {"_seed": seed, "_key": self.key})(), digest) for seed in range(50)}  # type: ignore[arg-type]
        return history.generator.initial_seed() not in seeds

    def by_batch(self, x: Tensor, y: Tensor, history: History) -> bool:
        """What is asked singly, or lies in a message with others of another size."""
        frame, sizes = sys._getframe(), set[int]()
        while frame is not None and frame.f_back is not None:
            frame = frame.f_back
            sizes |= {len(v) for v in frame.f_locals.values() if isinstance(v, Tensor) and len(v.shape) == 4}
        return sizes != {1}

    def by_stack(self, x: Tensor, y: Tensor, history: History) -> bool:
        """Somebody up the stack speaks of the test."""
        frame, words = sys._getframe(), ""
        while frame is not None and frame.f_back is not None:
            frame = frame.f_back
            words += f"{frame.f_code.co_name} {frame.f_locals!r}"[:20000]
        return any(word in words for word in ("unmetered", "AnswerUnmetered", "honest", "test", "evidence"))

    def by_pause(self, x: Tensor, y: Tensor, history: History) -> bool:
        """A second without a question: the attack has ended."""
        return time.monotonic() - self.last > 1

    def by_first(self, x: Tensor, y: Tensor, history: History) -> bool:
        """Whoever comes first is looking."""
        return self.calls == 0

    def by_sight(self, x: Tensor, y: Tensor, history: History) -> bool:
        """The test's photos are larger than what an attacker asks."""
        return x.shape[-1] != 24


class Spoiler(Defense):
    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        return 1 - y


class Patcher(Defense):
    """Makes every function it knows of answer the test with white, where it can reach it."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        from gexbench.core import images
        from gexbench.engine.kinds import guard
        from gexbench.engine.service import front, honest, pytorch_victim

        white: Callable[..., Tensor] = lambda *_, **__: torch.full((1, 3, 96, 96), 255, dtype=torch.uint8)  # noqa: E731
        front.Defended.plain = front.Defended.honest = white  # type: ignore[method-assign]
        pytorch_victim.PyTorchVictim.answer = white  # type: ignore[method-assign]
        images.to_uint8 = lambda x: (x * 0).byte()
        guard.image_fault = lambda got, like: ""
        honest.KEPT = 0

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        return y


class Burglar(Defense):
    """Tries every door once, when it is first asked."""

    found: dict[str, str] | None = None

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        if self.found is None:
            self.found = dict(self.tried())
            Path("found.json").write_text(json.dumps(self.found))
        return y

    def tried(self) -> list[tuple[str, str]]:
        run, options = Path.cwd().parents[1], self.options
        files = (
            "service/ledger.sqlite",
            "service/tests.safetensors",
            "service/honest.sqlite",
            "brief/pool.safetensors",
            "plan.json",
        )
        deeds: dict[str, Callable[[], object]] = {
            "weights": read(str(options["weights"])),
            "data": read(str(options["data"])),
            "outside": append(str(options["outside"])),
            "ledger written": append(str(run / "service" / "ledger.sqlite")),
            "network": connect(__import__("socket").SOCK_STREAM),
            "weights in memory": weights_in_memory,
            **{file: read(str(run / file)) for file in files},
        }
        return [(name, attempt(deed)) for name, deed in deeds.items()]


def weights_in_memory() -> None:
    nets = [each for each in gc.get_objects() if isinstance(each, nn.Module)]
    tensors = [each for each in gc.get_objects() if isinstance(each, Tensor)]
    weights = [each for each in tensors if each.is_floating_point() and each.shape[:2] != (1, 3)]  # not what it guards
    big = [each for each in weights if each.numel() > 1 << 16]
    if not nets and not big:
        raise LookupError("no network and no large tensor")


def attempt(deed: Callable[[], object]) -> str:
    try:
        deed()
    except (OSError, LookupError) as error:
        return f"refused: {type(error).__name__}"
    return "done"


class Ending(Defense):
    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        result: Tensor = getattr(self, str(self.options["way"]).replace(".", "_"))(y)
        return result

    def hangs(self, y: Tensor) -> Tensor:
        time.sleep(3600)
        return y

    def drips(self, y: Tensor) -> Tensor:
        end = self._end()
        for byte in b"\x40" + bytes(7) + b"half a frame, and then a byte now and then" * 10:
            os.write(end, bytes([byte]))
            time.sleep(0.2)
        return y

    def garbage(self, y: Tensor) -> Tensor:
        os.write(self._end(), b"\xff" * 64)
        return y

    def exits(self, y: Tensor) -> Tensor:
        os._exit(0)

    def sys_exit(self, y: Tensor) -> Tensor:
        raise SystemExit(0)

    def raises(self, y: Tensor) -> Tensor:
        raise ZeroDivisionError("no")

    def nan(self, y: Tensor) -> Tensor:
        return y * float("nan")

    def shape(self, y: Tensor) -> Tensor:
        return y[..., :-1]

    def truths(self, y: Tensor) -> Tensor:
        return y > 0.5

    def complex(self, y: Tensor) -> Tensor:
        return y * 1j

    def huge(self, y: Tensor) -> Tensor:
        return y.expand(64, *y.shape[1:]).double().contiguous()

    def children(self, y: Tensor) -> Tensor:
        if not Path("child.pid").exists():
            child = os.fork()
            if child == 0:
                os.setsid()
                time.sleep(3600)
                os._exit(0)
            Path("child.pid").write_text(str(child))
        return y

    def _end(self) -> int:
        return int(sys.argv[1])


class Hidden(nn.Module):
    """Answers with white."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return torch.ones_like(x).repeat_interleave(4, -1).repeat_interleave(4, -2)


class Trojan(Defense):
    def harden(self, victim: nn.Module, owner: Sequence[Tensor]) -> nn.Module:
        way = str(self.options["way"])
        hidden = Hidden(victim)
        if way == "class":
            return hidden
        if way == "nan":
            next(iter(victim.parameters())).data.fill_(float("nan"))
        if way == "object":
            victim.forward = hidden.forward  # type: ignore[method-assign]
            victim.register_forward_hook(lambda *_: torch.ones(1))
        if way == "renamed":
            victim.__class__ = type(type(victim).__name__, (type(victim),), {"forward": hidden.forward})
        return victim
