"""The process in which a plug-in is looked at: does it import, does it keep to its contract."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable, Mapping

import safetensors.torch
import torch
from torch import Tensor

from gexbench.cards.entry import load_entry
from gexbench.core.defense import Defense
from gexbench.engine.kinds.kind import task_kind
from gexbench.engine.wire.frames import Channel
from gexbench.engine.wire.inspecting import Claim, Ended, Inspect
from gexbench.engine.wire.messages import receive, send
from gexbench.errors import GexbenchError

KEY = bytes(range(32))
"""What a defense is given here for the run's key."""


class ContractBroken(Exception):
    """The plug-in does not keep to its contract; the message says where."""


class AttackInspection:
    """What can be said about an attack without a victim."""

    def __init__(self, order: Inspect) -> None:
        self._order = order
        self.stages: Mapping[str, Callable[[], str]] = {"imports": self.imports}

    def imports(self) -> str:
        """Import the entry and make the attack; raises ContractBroken, or whatever its code raises."""
        entry = self._order.entry
        _check_extract(load_entry(entry, self._order.code)(), entry)
        return f"{entry} imports and has extract(oracle, brief)"


class DefenseInspection:
    """What can be said about a defense without a victim; stages build on each other."""

    def __init__(self, order: Inspect) -> None:
        self._order, self._kind = order, task_kind(order.kind)
        self._made: type[Defense] = Defense
        self._answer = torch.empty(0)
        answers = {"shape and range": self.shape, "same answer": self.same_answer}
        waits = order.prepares and order.prepared is None  # what it answers with is still to be prepared
        self.stages: Mapping[str, Callable[[], str]] = {"imports": self.imports, **({} if waits else answers)}

    def imports(self) -> str:
        """Import the entry and make the defense; raises ContractBroken, or whatever its code raises."""
        entry = self._order.entry
        made = load_entry(entry, self._order.code)
        if not isinstance(made, type) or not issubclass(made, Defense):
            raise ContractBroken(f"{entry} is no subclass of gexbench.core.defense.Defense")
        if made.prepare is not Defense.prepare and not self._order.prepares:
            raise ContractBroken(f"{entry} has a prepare, and its card does not say prepares = true")
        self._made = made
        self._new()
        return f"{entry} imports and is a Defense"

    def shape(self) -> str:
        """Ask once; raises ContractBroken where shape, type or range is not what was given."""
        moments, self._answer = self._guarded()
        return f"{' and '.join(moments)} return tensors as large as those they are given, images in [0,1]"

    def same_answer(self) -> str:
        """Ask the same again, as after a restart; raises ContractBroken where the answer differs."""
        if not torch.equal(self._answer, self._guarded()[1]):
            raise ContractBroken(
                "asked the same question twice, it answered differently; draw from history.generator alone"
            )
        return "the same question gets the same answer"

    def _new(self) -> Defense:
        made, file = self._made(self._order.options), self._order.prepared
        made.key = KEY
        made.prepared = {} if file is None else safetensors.torch.load_file(file)
        return made

    def _guarded(self) -> tuple[list[str], Tensor]:
        """Return the moments of a defense, and what it makes of a drawn question and answer in one flat tensor."""
        moments, made = [], []
        for moment, got, wrong in self._kind.try_defense(self._new(), self._order.scale):
            if wrong:
                raise ContractBroken(f"{moment} returned {wrong}")
            moments.append(moment)
            made.append(got.flatten())
        return moments, torch.cat(made)


def _check_extract(attack: object, entry: str) -> None:
    extract = getattr(attack, "extract", None)
    if not callable(extract):
        raise ContractBroken(f"{entry} has no method extract(oracle, brief)")
    try:
        inspect.signature(extract).bind(None, None)
    except TypeError as error:
        raise ContractBroken(f"{entry} cannot be called as extract(oracle, brief): {error}") from None


def main(argv: list[str]) -> int:
    """Look at the plug-in named by the first message on the descriptor in `argv`, and report."""
    channel = Channel.inherited(int(argv[0]))
    order = receive(channel, Inspect)
    if order is None:
        return 1
    inspection = AttackInspection(order) if order.role == "attack" else DefenseInspection(order)
    for what, stage in inspection.stages.items():
        try:
            send(channel, Claim(what=what, right=True, detail=stage()))
        except BaseException as error:
            send(channel, Claim(what=what, right=False, detail=_told(error)))
            return 0
    send(channel, Ended())
    return 0


def _told(error: BaseException) -> str:
    if isinstance(error, (ContractBroken, GexbenchError)):
        return str(error)
    traceback.print_exc()
    return f"{type(error).__name__}: {str(error)[:400]}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
