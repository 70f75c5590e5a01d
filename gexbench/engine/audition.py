"""Look at a plug-in in a child process, sandboxed as in a run: does it import, does it keep to its contract."""

from __future__ import annotations

import inspect
import re
import select
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gexbench.cards.entry import load_entry
from gexbench.cards.roots import packaged_root
from gexbench.core.defense import Defense, History
from gexbench.core.images import round_8bit
from gexbench.engine.frames import BrokenFrame, Channel, pair
from gexbench.engine.isolation import chosen
from gexbench.engine.launch import Job, launch
from gexbench.engine.places import data_root, home
from gexbench.engine.provenance import plug_in_folder
from gexbench.engine.sandbox import Rules, interpreter_rules

WITHIN = 60.0
Claim = tuple[str, bool, str]
"""What was looked at, whether it is right, and what there is to say about it."""


class Broken(Exception):
    """The plug-in does not keep to its contract; the message says where."""


@dataclass(frozen=True)
class Candidate:
    """A plug-in to look at. role: "attack" or "defense"; code: the folder of its modules, None where it is installed."""

    role: str
    entry: str
    code: Path | None
    options: Mapping[str, Any]
    scale: int

    @property
    def folder(self) -> Path | None:
        """Return the folder (or file) its code lies in, None for gexbench's own."""
        return plug_in_folder(self.entry, self.code)


def audition(candidate: Candidate, folder: Path) -> Iterator[Claim]:
    """Yield what a child finds out about the candidate, up to the first thing that is wrong; writes below `folder`."""
    log = folder / "log.txt"
    ours, theirs = pair()
    fds = (theirs.fileno(),)
    job = Job("gexbench.engine.audition", tuple(map(str, fds)), fds, folder / "child", log, _rules(candidate), {})
    with launch(job):
        theirs.close()
        values = {key: getattr(candidate, key) for key in ("role", "entry", "scale")}
        code = str(candidate.code) if candidate.code else None
        ours.send("look", code=code, options=dict(candidate.options), **values)
        for what, right, detail in _claims(ours):
            yield what, right, detail if right else detail + culprit(log, candidate.folder)
    ours.close()


def culprit(log: Path, folder: Path | None) -> str:
    """Return " (attack.py:12)" for the last line of the plug-in's code that a traceback in the log names, or ""."""
    if folder is None or not log.is_file():
        return ""
    found = re.findall(rf'File "{re.escape(str(folder))}/?([^"]*)", line (\d+)', log.read_text(errors="replace"))
    return f" ({found[-1][0] or folder.name}:{found[-1][1]})" if found else ""


def _rules(candidate: Candidate) -> Rules | None:
    if chosen("auto") != "landlock":
        return None
    private = [packaged_root().path, home(), *filter(None, [data_root()])]
    return interpreter_rules(private, [candidate.folder] if candidate.folder else [], "cpu")


def _claims(channel: Channel) -> Iterator[Claim]:
    """Yield what the child claims; everything it sends is cut to size."""
    for _ in range(10):
        if not select.select([channel], [], [], WITHIN)[0]:
            yield "imports", False, f"nothing came of it within {WITHIN:g} s"
            return
        try:
            frame = channel.receive()
        except BrokenFrame as broken:
            yield "imports", False, f"its process sent something else than a frame: {broken}"
            return
        if frame is None:
            yield "imports", False, "its process went away"
        if frame is None or frame.op != "claim":
            return
        values = frame.values
        yield str(values.get("what"))[:60], values.get("right") is True, str(values.get("detail"))[:500]


def look_at(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is right about a plug-in, in this process; raises Broken, or whatever its code raises."""
    plug_in = load_entry(values["entry"], Path(values["code"]) if values["code"] else None)
    if values["role"] == "attack":
        _check_extract(plug_in(), values["entry"])
        yield "imports", f"{values['entry']} imports and has extract(oracle, brief)"
        return
    if not isinstance(plug_in, type) or not issubclass(plug_in, Defense):
        raise Broken(f"{values['entry']} is no subclass of gexbench.core.defense.Defense")
    options = {key: tuple(v) if isinstance(v, list) else v for key, v in values["options"].items()}
    first = _guarded(plug_in(options), values["scale"])
    yield "imports", f"{values['entry']} imports and is a Defense"
    yield "shape and range", "guard_input and guard_output return images of the size they were given, in [0,1]"
    if not torch.equal(first, _guarded(plug_in(options), values["scale"])):
        raise Broken("asked the same question twice, it answered differently; draw from history.generator alone")
    yield "same answer", "the same question gets the same answer"


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


def _checked(moment: str, got: object, like: Tensor) -> Tensor:
    if not isinstance(got, Tensor):
        raise Broken(f"{moment} returned {type(got).__name__}, not a tensor")
    if got.shape != like.shape or not got.is_floating_point():
        raise Broken(f"{moment} returned {got.dtype} {tuple(got.shape)}, not floats of {tuple(like.shape)}")
    low, high = float(got.amin()), float(got.amax())
    if not (low >= 0 and high <= 1):
        raise Broken(f"{moment} returned values from {low:.3g} to {high:.3g}, outside [0,1]")
    return got


def main(argv: list[str]) -> int:
    """Look at the plug-in named by the first frame on the descriptor in `argv`, and report."""
    channel, due = Channel.inherited(int(argv[0])), "imports"
    start = channel.receive()
    if start is None:
        return 1
    try:
        for due, detail in look_at(start.values):
            channel.send("claim", what=due, right=True, detail=detail)
        channel.send("end")
    except Broken as broken:
        channel.send("claim", what=due, right=False, detail=str(broken))
    except BaseException as error:
        traceback.print_exc()
        channel.send("claim", what=due, right=False, detail=f"{type(error).__name__}: {str(error)[:400]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
