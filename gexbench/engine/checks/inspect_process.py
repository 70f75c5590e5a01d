"""The process in which a plug-in is looked at: does it import, does it keep to its contract."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gexbench.cards.entry import load_entry
from gexbench.core.defense import Defense, History
from gexbench.core.images import round_8bit
from gexbench.engine.kinds.guard import fault
from gexbench.engine.wire.frames import Channel
from gexbench.errors import GexbenchError


class Broken(Exception):
    """The plug-in does not keep to its contract; the message says where."""


class AttackTrial:
    """What can be said about an attack without a victim."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._entry, self._code = values["entry"], Path(values["code"]) if values["code"] else None
        self.stages: Mapping[str, Callable[[], str]] = {"imports": self.imports}

    def imports(self) -> str:
        """Import the entry and make the attack; raises Broken, or whatever its code raises."""
        _check_extract(load_entry(self._entry, self._code)(), self._entry)
        return f"{self._entry} imports and has extract(oracle, brief)"


class DefenseTrial:
    """What can be said about a defense without a victim; stages build on each other."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._entry, self._code = values["entry"], Path(values["code"]) if values["code"] else None
        self._options = {key: tuple(v) if isinstance(v, list) else v for key, v in values["options"].items()}
        self._scale = int(values["scale"])
        self._kind: type[Defense] = Defense
        self._answer = torch.empty(0)
        self.stages: Mapping[str, Callable[[], str]] = {
            "imports": self.imports,
            "shape and range": self.shape,
            "same answer": self.same_answer,
        }

    def imports(self) -> str:
        """Import the entry and make the defense; raises Broken, or whatever its code raises."""
        kind = load_entry(self._entry, self._code)
        if not isinstance(kind, type) or not issubclass(kind, Defense):
            raise Broken(f"{self._entry} is no subclass of gexbench.core.defense.Defense")
        self._kind = kind
        kind(self._options)
        return f"{self._entry} imports and is a Defense"

    def shape(self) -> str:
        """Ask once; raises Broken where shape, type or range is not what was given."""
        self._answer = _guarded(self._kind(self._options), self._scale)
        return "guard_input and guard_output return images as large as those they are given, in [0,1]"

    def same_answer(self) -> str:
        """Ask the same again, as after a restart; raises Broken where the answer differs."""
        if not torch.equal(self._answer, _guarded(self._kind(self._options), self._scale)):
            raise Broken("asked the same question twice, it answered differently; draw from history.generator alone")
        return "the same question gets the same answer"


def _check_extract(attack: object, entry: str) -> None:
    extract = getattr(attack, "extract", None)
    if not callable(extract):
        raise Broken(f"{entry} has no method extract(oracle, brief)")
    try:
        inspect.signature(extract).bind(None, None)
    except TypeError as error:
        raise Broken(f"{entry} cannot be called as extract(oracle, brief): {error}") from None


def _guarded(defense: Defense, scale: int) -> Tensor:
    """Return what a defense makes of a drawn question and answer, one after the other in one flat tensor."""
    generator = torch.Generator().manual_seed(0)
    x = round_8bit(torch.rand(1, 3, 24, 32, generator=generator))
    y = round_8bit(torch.rand(1, 3, 24 * scale, 32 * scale, generator=generator))
    history = History(0, generator)
    fed = _checked("guard_input", defense.guard_input(x.clone(), history), x)
    sent = _checked("guard_output", defense.guard_output(x.clone(), y.clone(), history), y)
    return torch.cat([fed.flatten(), sent.flatten()])


def _checked(moment: str, got: Tensor, like: Tensor) -> Tensor:
    wrong = fault(got, like)
    if wrong:
        raise Broken(f"{moment} returned {wrong}")
    return got


def main(argv: list[str]) -> int:
    """Look at the plug-in named by the first frame on the descriptor in `argv`, and report."""
    channel = Channel.inherited(int(argv[0]))
    start = channel.receive()
    if start is None:
        return 1
    trial = AttackTrial(start.values) if start.values["role"] == "attack" else DefenseTrial(start.values)
    for what, stage in trial.stages.items():
        try:
            channel.send("claim", what=what, right=True, detail=stage())
        except BaseException as error:
            channel.send("claim", what=what, right=False, detail=_told(error))
            return 0
    channel.send("end")
    return 0


def _told(error: BaseException) -> str:
    if isinstance(error, (Broken, GexbenchError)):
        return str(error)
    traceback.print_exc()
    return f"{type(error).__name__}: {str(error)[:400]}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
