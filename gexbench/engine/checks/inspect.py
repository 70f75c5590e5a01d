"""Have a plug-in looked at in a child process, sandboxed as in a run; what looks at it there is inspect_process."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from gexbench.cards.roots import packaged_root
from gexbench.engine.machine.provenance import plug_in_folder
from gexbench.engine.run.clock import Clock
from gexbench.engine.run.isolation import chosen
from gexbench.engine.sandbox.launch import Job, launch
from gexbench.engine.sandbox.rules import Rules, interpreter_rules
from gexbench.engine.store.paths import data_root, home
from gexbench.engine.wire.frames import BrokenFrame, Channel, pair
from gexbench.engine.wire.inspecting import Claim, Ended, Inspect
from gexbench.engine.wire.messages import receive, send

WITHIN = 60.0
LOGS = ("log.txt", "surrogate.log", "service.log", "defense.log")
MOST = 10


def code_folder(order: Inspect) -> Path | None:
    """Return the folder (or file) a plug-in's code lies in, None for gexbench's own."""
    return plug_in_folder(order.entry, order.code)


def inspect(order: Inspect, folder: Path) -> list[Claim]:
    """Return what a child finds out about a plug-in, up to the first thing that is wrong; writes below `folder`."""
    ours, theirs = pair()
    fds, module = (theirs.fileno(),), "gexbench.engine.checks.inspect_process"
    job = Job(module, tuple(map(str, fds)), fds, folder / "child", folder / LOGS[0], _rules(order), {})
    with closing(ours), closing(theirs), launch(job):
        theirs.close()
        with suppress(BrokenFrame), Clock(WITHIN, BrokenFrame("it does not read")) as left:
            send(ours, order, left.wait)
        where = code_folder(order)
        return [
            claim if claim.right else claim.model_copy(update={"detail": claim.detail + culprit(folder, where)})
            for claim in _claims(ours)
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


def _rules(order: Inspect) -> Rules | None:
    if chosen("auto") != "landlock":
        return None
    private, code = [packaged_root().path, home(), *filter(None, [data_root()])], code_folder(order)
    rules = interpreter_rules(private, [code] if code else [], "cpu")
    return replace(rules, read=(*rules.read, *filter(None, [order.prepared])))


def _claims(channel: Channel) -> Iterator[Claim]:
    """Yield what the child claims, up to the first thing that is wrong."""
    for _ in range(MOST):
        claim = _claim(channel)
        if claim is not None:
            yield claim
        if claim is None or not claim.right:
            return


def _claim(channel: Channel) -> Claim | None:
    try:
        with Clock(WITHIN, TimeoutError()) as left:
            message = receive(channel, Claim, Ended, wait=left.wait)
    except TimeoutError:
        return _wrong(f"nothing came of it within {WITHIN:g} s")
    except BrokenFrame as broken:
        return _wrong(f"its process sent something else than a frame it may send: {broken}")
    if message is None:
        return _wrong("its process went away")
    return message if isinstance(message, Claim) else None


def _wrong(detail: str) -> Claim:
    return Claim(what="imports", right=False, detail=detail)
