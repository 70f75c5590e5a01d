"""Attacks that cheat. Each tries its deed, says in its report whether it came off, and otherwise behaves."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from gexbench.core.attack import Brief
from gexbench.core.oracle import Oracle
from gexbench.datasets.drawn import DrawnDomains
from gexbench.errors import QueryError


class Nearest(nn.Module):
    """An honest surrogate."""

    def __init__(self, scale: int = 4) -> None:
        super().__init__()
        self.scale, self.config = scale, {"scale": scale}
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.gain).repeat_interleave(self.scale, -1).repeat_interleave(self.scale, -2).clamp(0, 1)


def read(path: str) -> Callable[[], object]:
    return lambda: Path(path).read_bytes()[:1]


def append(path: str) -> Callable[[], object]:
    def deed() -> None:
        with open(path, "ab") as file:
            file.write(b"!")

    return deed


def connect(kind: socket.SocketKind) -> Callable[[], object]:
    def deed() -> None:
        with socket.socket(socket.AF_INET, kind) as end:
            end.settimeout(2)
            end.connect(("127.0.0.1", 9))
            end.send(b"!")

    return deed


@dataclass(frozen=True)
class TestName:
    """The name of a drawn image: its seed."""

    name: str


class Peeker:
    """Asks about three images of the test and about five of the pool."""

    def extract(self, oracle: Oracle, brief: Brief) -> Nearest:
        names = [TestName(f"test/{number:04d}") for number in range(3)]
        drawn = DrawnDomains({"domain": "scenes", "side": 64}, {"pool": names}).pool().inputs
        oracle.query(torch.stack([*drawn, *(brief.pool[i] for i in range(5))]))
        return Nearest(scale=1)


class Burglar:
    """Tries every door once; `report` says which opened."""

    def __init__(self) -> None:
        self.report: dict[str, int | str] = {}

    def extract(self, oracle: Oracle, brief: Brief) -> Nearest:
        deeds: dict[str, Callable[[], object]] = {}
        for key in ("weights", "cache", "test_image", "ledger", "record", "data"):
            deeds[f"read {key}"] = read(brief.options[key])
        for key in ("ledger", "record", "outside"):
            deeds[f"write {key}"] = append(brief.options[key])
        bench = brief.options["bench"]
        for name in ("mem", "environ", "maps", "fd/0", "root/etc/passwd"):
            deeds[f"proc {name}"] = read(f"/proc/{bench}/{name}")
        deeds["proc 1"] = read("/proc/1/environ")
        deeds["kill bench"] = lambda: os.kill(int(bench), 0)
        deeds["tcp"] = connect(socket.SOCK_STREAM)
        deeds["udp"] = connect(socket.SOCK_DGRAM)
        for name, deed in deeds.items():
            self._try(name, deed)
        oracle.query(torch.stack([brief.pool[0]]))
        return Nearest(brief.scale)

    def _try(self, name: str, deed: Callable[[], object]) -> None:
        try:
            deed()
            self.report[name] = 1
        except Exception as error:
            self.report[name] = f"refused: {type(error).__name__}"


class Keyhole:
    """Looks for a defense's key and for what it prepared; `report` says what it could read."""

    def __init__(self) -> None:
        self.report: dict[str, int | str] = {}

    def extract(self, oracle: Oracle, brief: Brief) -> Nearest:
        run, link = brief.workdir.parents[1], brief.workdir / "link"
        with suppress(OSError):
            link.symlink_to(run / "service" / "key")
        places = {name: run / "service" / name for name in ("key", "prepared.safetensors", "owner.safetensors")}
        places |= {"link": link, "way round": run / "attacker" / ".." / "service" / "key"}
        places |= {"shelf": next(iter(self._shelves(brief)), Path(str(brief.options["home"]), "prepared"))}
        for name, place in places.items():
            try:
                self.report[name] = str(read(str(place))())
            except OSError as error:
                self.report[name] = f"refused: {type(error).__name__}"
        oracle.query(torch.stack([brief.pool[i] for i in range(brief.budget)]))
        return Nearest(brief.scale)

    def _shelves(self, brief: Brief) -> list[Path]:
        try:
            return sorted(Path(str(brief.options["home"]), "prepared").glob("*/prepared.safetensors"))
        except OSError:
            return []


class Glutton:
    """Asks beyond the budget: in one batch, from threads, from a child process."""

    def __init__(self) -> None:
        self.report: dict[str, int | str] = {}

    def extract(self, oracle: Oracle, brief: Brief) -> Nearest:
        self._greedy("one batch", lambda: oracle.query(torch.stack([brief.pool[i] for i in range(brief.budget + 1)])))
        workers = [threading.Thread(target=self._one, args=(oracle, brief, i)) for i in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        child = os.fork()
        if child == 0:
            try:
                oracle.query(brief.pool[40][None])
                os._exit(1)
            except QueryError:
                os._exit(0)
        self.report["child asked"] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return Nearest(brief.scale)

    def _one(self, oracle: Oracle, brief: Brief, worker: int) -> None:
        for i in range(brief.budget):
            try:
                oracle.query(brief.pool[worker * brief.budget + i][None])
                self.report["answered"] = int(self.report.get("answered", 0)) + 1
            except QueryError:
                continue

    def _greedy(self, name: str, ask: Callable[[], object]) -> None:
        try:
            ask()
            self.report[name] = "answered"
        except QueryError as error:
            self.report[name] = str(error)


class Asking(Nearest):
    """A surrogate that asks the victim while it is saved."""

    def __init__(self, scale: int, oracle: Oracle | None = None, question: Tensor | None = None) -> None:
        super().__init__(scale)
        self.oracle, self.question = oracle, question

    def state_dict(self, *args: object, **kwargs: object) -> dict[str, Tensor]:  # type: ignore[override]
        if self.oracle is not None and self.question is not None:
            self.oracle.query(self.question)
        return super().state_dict()


class Latecomer:
    """Returns a surrogate that asks the victim."""

    def extract(self, oracle: Oracle, brief: Brief) -> Asking:
        return Asking(brief.scale, oracle, brief.pool[0][None])


class Mistaken(Nearest):
    """A surrogate that is wrong in the way it is told."""

    def __init__(self, scale: int, way: str) -> None:
        super().__init__(scale)
        self.config = {"scale": scale, "way": way}

    def forward(self, x: Tensor) -> Tensor:
        ways: dict[str, Callable[[], Tensor]] = {
            "shape": lambda: x,
            "nan": lambda: Nearest.forward(self, x) * float("nan"),
            "range": lambda: Nearest.forward(self, x) + 1,
            "type": lambda: "an image",  # type: ignore[dict-item, return-value]
            "raises": lambda: Nearest.forward(self, x[len(x)]),
        }
        return ways[str(self.config["way"])]()


class Mistake:
    """Returns a surrogate that is wrong in the way its option says."""

    def extract(self, oracle: Oracle, brief: Brief) -> Mistaken:
        return Mistaken(brief.scale, brief.options["way"])


class Hoarding(nn.Module):
    """A surrogate that keeps the test inputs it is shown in a file, and answers none."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self.config = {"file": file}

    def forward(self, x: Tensor) -> Tensor:
        kept = Path(self.config["file"])
        try:
            torch.save([*torch.load(kept, weights_only=True), x[0]] if kept.exists() else [x[0]], kept)
        finally:
            raise ValueError("not yet")


class Hoarder:
    """Keeps the test inputs it is shown, fails, and asks about them, a pixel off, when it is started again."""

    def __init__(self) -> None:
        self.report: dict[str, int | str] = {}

    def extract(self, oracle: Oracle, brief: Brief) -> Hoarding:
        oracle.query(brief.pool[0][None])
        kept = brief.workdir / "kept.pt"
        self.report["kept"] = int(kept.exists())
        images = torch.load(kept, weights_only=True) if kept.exists() else [brief.pool[1]]
        try:
            for image in images if oracle.remaining < oracle.budget else []:
                oracle.query(self._off(image)[None])
            self.report["asked"] = "answered"
        except QueryError as error:
            self.report["asked"] = str(error)
        return Hoarding(str(kept))

    @staticmethod
    def _off(image: Tensor) -> Tensor:
        changed = image.clone()
        changed[0, 0, 0] = 1 - changed[0, 0, 0]
        return changed


class Bomb:
    """Speaks up in a file if anyone unpickles it."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return (open, (self.path, "w"))


class Loaded(Nearest):
    """A surrogate that leaves a pickle where its weights should be, in the way it is told."""

    def __init__(self, scale: int, way: str = "", folder: str = "", outside: str = "") -> None:
        super().__init__(scale)
        self.config = {"scale": scale}
        self.way, self.folder, self.bomb = way, Path(folder), Bomb(outside)

    def state_dict(self, *args: object, **kwargs: object) -> dict[str, Tensor]:  # type: ignore[override]
        if self.way == "object":
            return {"evil": self.bomb}  # type: ignore[dict-item]
        (self.folder / "model.safetensors").write_bytes(pickle.dumps(self.bomb))
        raise SystemExit(0) if self.way == "exit" else KeyboardInterrupt


class Trojan:
    """Leaves a pickle where its surrogate's weights should be."""

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        return Loaded(brief.scale, brief.options["way"], str(brief.workdir / "surrogate"), brief.options["outside"])


class Ending:
    """Ends in the way its option says."""

    def extract(self, oracle: Oracle, brief: Brief) -> Nearest:
        ways: dict[str, Callable[[], object]] = {
            "hangs": lambda: time.sleep(600),
            "crashes": lambda: os.kill(os.getpid(), signal.SIGSEGV),
            "exits": lambda: os._exit(0),
            "sys.exit": lambda: sys.exit(0),
            "raises": lambda: 1 / 0,
            "garbage": self._garbage,
        }
        ways[brief.options["way"]]()
        return Nearest(brief.scale)

    @staticmethod
    def _garbage() -> None:
        for fd in range(3, 64):
            try:
                os.write(fd, b"\xff" * 64)
            except OSError:
                continue


class Parent:
    """Leaves a child behind that has left its session."""

    def extract(self, oracle: Oracle, brief: Brief) -> Nearest:
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                for fd in range(3, 64):
                    try:
                        os.close(fd)
                    except OSError:
                        continue
                (brief.workdir / "child.pid").write_text(str(os.getpid()))
                time.sleep(600)
            os._exit(0)
        os.wait()
        until = time.monotonic() + 300
        while not (brief.workdir / "child.pid").exists() and time.monotonic() < until:
            time.sleep(0.05)
        return Nearest(brief.scale)


class Patcher:
    """Replaces parts of gexbench in its own memory."""

    def extract(self, oracle: Oracle, brief: Brief) -> Nearest:
        import gexbench.core.images
        import gexbench.engine.attacker.oracle

        gexbench.core.images.round_8bit = lambda x: torch.ones_like(x)
        gexbench.engine.attacker.oracle.MeteredOracle.query = lambda self, x: x  # type: ignore[method-assign]
        torch.set_default_dtype(torch.float64)
        torch.set_default_dtype(torch.float32)
        os.environ["GEXBENCH_HOME"] = "elsewhere"
        return Nearest(brief.scale)


class Rummager:
    """Looks for the service's weights in installed packages, by several ways; `report` says what opened."""

    def __init__(self) -> None:
        self.report: dict[str, int | str] = {}

    def extract(self, oracle: Oracle, brief: Brief) -> Nearest:
        packages = Path(str(brief.options["packages"]))
        link = brief.workdir / "link"
        with suppress(OSError):
            link.symlink_to(packages / "theirs_lib" / "weights.safetensors")
        deeds = {
            "file": read(str(packages / "theirs_lib" / "weights.safetensors")),
            "link": read(str(link)),
            "way round": read(str(packages / "other" / ".." / "theirs_lib" / "weights.safetensors")),
            "copy": read(str(packages / "other" / "copy.bin")),
            "memory map": lambda: torch.from_file(
                str(packages / "theirs_lib" / "weights.safetensors"), size=4, dtype=torch.uint8
            ),
            "import": lambda: __import__("theirs_lib").WEIGHTS,
            "child": lambda: os.posix_spawn("/bin/cat", ["cat", str(link)], {}),
            "neighbour": read(str(packages / "other" / "harmless.txt")),
        }
        for name, deed in deeds.items():
            try:
                deed()
                self.report[name] = "opened"
            except Exception as error:
                self.report[name] = f"refused: {type(error).__name__}"
        oracle.query(torch.stack([brief.pool[0]]))
        return Nearest(brief.scale)
