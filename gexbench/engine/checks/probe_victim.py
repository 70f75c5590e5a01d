"""Have a foreign victim looked at in a child process, sandboxed as a service is; what looks there is service.probe."""

from __future__ import annotations

import shutil
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from gexbench.cards.catalog import Filed
from gexbench.cards.own import Facts
from gexbench.cards.roots import packaged_root
from gexbench.cards.schema import VictimCard
from gexbench.engine.machine import hardware
from gexbench.engine.run.clock import Clock
from gexbench.engine.run.isolation import chosen
from gexbench.engine.sandbox.launch import Job, launch
from gexbench.engine.sandbox.rules import Rules, interpreter_rules
from gexbench.engine.store.own_victim import code_file
from gexbench.engine.store.paths import data_root, home
from gexbench.engine.wire.frames import BrokenFrame, Channel, pair
from gexbench.engine.wire.messages import Broken, receive, send
from gexbench.engine.wire.probing import Probe, Probed
from gexbench.errors import AssetMissing, CardError, PlanError, RunFailed
from gexbench.foreign_text import PARAGRAPH, shown

WITHIN = 600.0


def probe_victim(filed: Filed[VictimCard], folder: Path) -> Facts:
    """Return what a victim is; writes below `folder`. Raises GexbenchError in one line for what is no victim."""
    card = filed.card
    if card.weights is None:
        raise CardError(f"{filed.path} names no file", "write [weights] with file and sha256")
    file, code = filed.root.path / card.weights.file, _copied(filed, folder / "code")
    order = Probe(card=card, file=file, code=code, threads=hardware.choose("cpu", True).threads)
    ours, theirs = pair()
    fds, module = (theirs.fileno(),), "gexbench.engine.service.probe_process"
    job = Job(module, tuple(map(str, fds)), fds, folder / "child", folder / "log.txt", _rules(file, code), {})
    with closing(ours), closing(theirs), launch(job):
        theirs.close()
        with suppress(BrokenFrame), Clock(WITHIN, BrokenFrame("it does not read")) as left:
            send(ours, order, left.wait)
        return _facts(ours, file)


def _facts(channel: Channel, file: Path) -> Facts:
    try:
        with Clock(WITHIN, TimeoutError()) as left:
            message = receive(channel, Probed, Broken, wait=left.wait)
    except TimeoutError:
        raise PlanError(f"{file} did not answer within {WITHIN:g} s", "give a smaller network") from None
    except BrokenFrame as broken:
        raise PlanError(f"{file}: its process sent something else than a frame: {broken}", "give another") from None
    if message is None:
        raise PlanError(f"{file} ended the process that opened it", "give another file")
    if isinstance(message, Broken):
        kinds = {"AssetMissing": AssetMissing, "CardError": CardError, "RunFailed": RunFailed}
        raise kinds.get(message.kind, PlanError)(shown(message.message, PARAGRAPH), shown(message.hint, PARAGRAPH))
    return message.facts


def _copied(filed: Filed[VictimCard], folder: Path) -> Path | None:
    file = code_file(filed)
    if file is None:
        return None
    folder.mkdir(parents=True)
    shutil.copyfile(file, folder / file.name)
    return folder


def _rules(file: Path, code: Path | None) -> Rules | None:
    if chosen("auto") != "landlock":
        return None
    private = [packaged_root().path, home(), *filter(None, [data_root()])]
    rules = interpreter_rules(private, [], "cpu")
    return replace(rules, read=(*rules.read, file, *filter(None, [code])))
