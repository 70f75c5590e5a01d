"""Surrogates that are not what is kept of them, or look for what was not kept; see cheats.py."""

from __future__ import annotations

import atexit
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from cheats import Nearest
from torch import Tensor, nn

from gexbench.core.attack import Brief
from gexbench.core.oracle import Oracle

LEARNED: dict[str, float] = {}


class Forgetful(Nearest):
    """Answers with what its module knows, which nobody keeps."""

    def forward(self, x: Tensor) -> Tensor:
        if LEARNED.get("silent"):
            raise ValueError("asked too early")
        return super().forward(x) * LEARNED.get("light", 0.0)


class Global:
    """Returns a surrogate that is good as long as this process lives."""

    def extract(self, oracle: Oracle, brief: Brief) -> Forgetful:
        light, silent = brief.options["light"].split(",")
        LEARNED.update(light=float(light), silent=float(silent))
        return Forgetful(brief.scale)


class Other(Nearest):
    """Another class with the same weights."""


class Honest:
    """Returns a surrogate of the class, scale and gain that its option says."""

    def extract(self, oracle: Oracle, brief: Brief) -> Nearest:
        kind, gain = brief.options["way"].split(",")
        made = {"nearest": Nearest, "other": Other}[kind](brief.scale)
        nn.init.constant_(made.gain, float(gain))
        return made


class Unlearned:
    """No module, yet a class that can be built anew."""

    def __init__(self, scale: int) -> None:
        self.config = {"scale": scale}

    def __call__(self, x: Tensor) -> Tensor:
        return Nearest(self.config["scale"])(x)


class Beyond(Nearest):
    """Answers in [-1,1], and cannot be built anew either."""

    def __init__(self, scale: int = 4) -> None:
        super().__init__(scale)
        self.config = {"size": scale}

    def forward(self, x: Tensor) -> Tensor:
        return 2.0 * super().forward(x) - 1.0


class Unkept:
    """Returns what cannot be kept, in the way its option says."""

    def extract(self, oracle: Oracle, brief: Brief) -> Callable[[Tensor], Tensor]:
        honest = Nearest(brief.scale)

        class Local(Nearest):
            pass

        deep: object = 0
        for _ in range(100_000):
            deep = [deep]
        configs: dict[str, object] = {"deep": {"scale": deep}, "other": {"size": 4}}
        ways: dict[str, Callable[[], Callable[[Tensor], Tensor]]] = {
            "closure": lambda: lambda x: honest(x),
            "local": lambda: Local(brief.scale),
            "written": lambda: self._written(brief),
            "callable": lambda: Unlearned(brief.scale),
            "beyond": lambda: Beyond(brief.scale),
        }
        if brief.options["way"] in ways:
            return ways[brief.options["way"]]()
        honest.config = configs[brief.options["way"]]  # type: ignore[assignment]
        return honest

    @staticmethod
    def _written(brief: Brief) -> Callable[[Tensor], Tensor]:
        """Return a class of a module that is written into the work folder."""
        (brief.workdir / "hidden.py").write_text("from cheats import Nearest\n\nclass Hidden(Nearest): pass\n")
        sys.path.insert(0, str(brief.workdir))
        import hidden  # type: ignore[import-not-found]

        return hidden.Hidden(brief.scale)  # type: ignore[no-any-return]


class Rewriter:
    """Writes over what was saved of an honest surrogate as its process ends, in the way its option says."""

    def extract(self, oracle: Oracle, brief: Brief) -> Nearest:
        atexit.register(self._rewrite, brief.workdir / "surrogate", brief.options["way"])
        return Nearest(brief.scale)

    @staticmethod
    def _rewrite(folder: Path, way: str) -> None:
        weights, config = folder / "model.safetensors", folder / "config.json"
        ways: dict[str, Callable[[], object]] = {
            "huge": lambda: os.truncate(weights, 31 << 30),
            "zero": lambda: weights.write_bytes(b"\0"),
            "deep": lambda: config.write_text("[" * 100_000),
            "link": lambda: (weights.unlink(), weights.symlink_to(folder.parents[2] / "brief" / "pool.safetensors")),
        }
        ways[way]()


class Prying(Nearest):
    """Looks for what an attack may read, and leaves its answer white where it finds something."""

    def __init__(self, scale: int, places: list[str]) -> None:
        super().__init__(scale)
        self.config = {"scale": scale, "places": places}
        self.early = False

    def forward(self, x: Tensor) -> Tensor:
        if self.early:
            raise ValueError("asked where it may read")
        found = [place for place in self.config["places"] if self._opens(Path(place))]  # type: ignore[attr-defined]
        return super().forward(x) if not found else torch.ones_like(super().forward(x))

    @staticmethod
    def _opens(place: Path) -> bool:
        """Say whether a place can be read, or asked for what its attack hid in its time."""
        opened = 0
        for look in (place.read_bytes, lambda: place.name == "notes" and place.stat()):
            try:
                opened += bool(look())
            except OSError:
                continue
        return opened > 0


class Prier:
    """Returns a surrogate that looks for pool, notes and everything else of its run."""

    def extract(self, oracle: Oracle, brief: Brief) -> Prying:
        notes = brief.workdir / "notes"
        notes.write_text("what I learned")
        os.utime(notes, (1, 1))
        run = brief.workdir.parents[1]
        others = [run / name for name in ("brief/pool.safetensors", "plan.json", "service/ledger.sqlite")]
        surrogate = Prying(brief.scale, [str(place) for place in (notes, *others)])
        surrogate.early = True
        return surrogate


class Endless(Nearest):
    """Hangs in its constructor when it is built anew."""

    def __init__(self, scale: int, seconds: float = 0.0) -> None:
        super().__init__(scale)
        self.config = {"scale": scale, "seconds": 600.0}
        time.sleep(seconds)


class Sleeper:
    """Returns a surrogate that hangs when it is built anew."""

    def extract(self, oracle: Oracle, brief: Brief) -> Endless:
        return Endless(brief.scale)
