"""Have a plug-in looked at in a child process, sandboxed as in a run; what looks at it there is engine.trial."""

from __future__ import annotations

import re
import select
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gexbench.cards.roots import packaged_root
from gexbench.engine.machine.provenance import plug_in_folder
from gexbench.engine.run.isolation import chosen
from gexbench.engine.sandbox.launch import Job, launch
from gexbench.engine.sandbox.rules import Rules, interpreter_rules
from gexbench.engine.store.paths import data_root, home
from gexbench.engine.wire.frames import BrokenFrame, Channel, pair

WITHIN = 60.0
LOGS = ("log.txt", "service.log")
Claim = tuple[str, bool, str]
"""What was looked at, whether it is right, and what there is to say about it."""


@dataclass(frozen=True)
class Candidate:
    """A plug-in to look at. role: "attack" or "defense"; code: the folder of its modules, None where installed."""

    role: str
    entry: str
    code: Path | None
    options: Mapping[str, Any]
    scale: int

    @property
    def folder(self) -> Path | None:
        """Return the folder (or file) its code lies in, None for gexbench's own."""
        return plug_in_folder(self.entry, self.code)


def audition(candidate: Candidate, folder: Path) -> list[Claim]:
    """Return what a child finds out about the candidate, up to the first thing that is wrong; writes below `folder`."""
    ours, theirs = pair()
    fds = (theirs.fileno(),)
    job = Job(
        "gexbench.engine.checks.inspect_process",
        tuple(map(str, fds)),
        fds,
        folder / "child",
        folder / LOGS[0],
        _rules(candidate),
        {},
    )
    values = {key: getattr(candidate, key) for key in ("role", "entry", "scale")}
    code = str(candidate.code) if candidate.code else None
    with closing(ours), closing(theirs), launch(job):
        theirs.close()
        ours.send("look", code=code, options=dict(candidate.options), **values)
        return [
            (what, right, detail if right else detail + culprit(folder, candidate.folder))
            for what, right, detail in _claims(ours)
        ]


def culprit(logs: Path, code: Path | None) -> str:
    """Return " (attack.py:12)" for the last line of a plug-in's code that a traceback names, or "".

    logs: the folder of the logs. code: the plug-in's folder or file, None for gexbench's own.
    """
    if code is None:
        return ""
    text = "".join(log.read_text(errors="replace") for name in LOGS if (log := logs / name).is_file())
    found = re.findall(rf'File "{re.escape(str(code))}/?([^"]*)", line (\d+)', text)
    return f" ({found[-1][0] or code.name}:{found[-1][1]})" if found else ""


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
        right = frame.values.get("right") is True
        yield str(frame.values.get("what"))[:60], right, str(frame.values.get("detail"))[:500]
        if not right:
            return
