"""Have a foreign victim looked at in a child process, sandboxed as a service is; what looks there is service.probe."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gexbench.cards.catalog import Filed
from gexbench.cards.endpoint import endpoint_of, headers_of
from gexbench.cards.own import Facts, is_remote
from gexbench.cards.roots import packaged_root
from gexbench.cards.schema import VictimCard
from gexbench.engine.machine import hardware
from gexbench.engine.run.clock import Clock
from gexbench.engine.run.dialler import dialler, store_authorities
from gexbench.engine.run.isolation import chosen
from gexbench.engine.sandbox.launch import Job, launch
from gexbench.engine.sandbox.rules import Rules, interpreter_rules
from gexbench.engine.store.own_victim import code_file
from gexbench.engine.store.paths import data_root, home
from gexbench.engine.store.victim_weights import all_first_answers, first_answers
from gexbench.engine.wire.frames import BrokenFrame, Channel, pair
from gexbench.engine.wire.messages import Broken, M, Message, receive, send
from gexbench.engine.wire.probing import Probe, Probed, Recognise, Recognised
from gexbench.errors import AssetMissing, CardError, EndpointError, PlanError, RunFailed
from gexbench.files import atomic_write
from gexbench.foreign_text import PARAGRAPH, shown

WITHIN = 600.0
_RAISED = {kind.__name__: kind for kind in (AssetMissing, CardError, RunFailed, EndpointError)}


@dataclass(frozen=True)
class _Place:
    """Where a victim is looked at: a folder, what the process may read, and who it is of, in words."""

    folder: Path
    read: Sequence[Path]
    subject: str


def probe_victim(filed: Filed[VictimCard], folder: Path) -> Facts:
    """Return what a victim is; writes below `folder`. Raises GexbenchError in one line for what is no victim."""
    card = filed.card
    if card.weights is None and not is_remote(card):
        raise CardError(f"{filed.path} names no file", "write [weights] with file and sha256")
    file = filed.root.path / card.weights.file if card.weights else first_answers(card)
    if is_remote(card) and not card.weights:
        for path in all_first_answers(card):  # it is taken as it is now
            path.unlink()
        keep_first_answers(filed)
    code = _copied(filed, folder / "code")
    given = _reached(card, folder)
    order = Probe(card=card, file=file, code=code, threads=_threads(), **given)
    read = [file, *filter(None, [code, given.get("authorities")])]
    return _asked(order, Probed, _Place(folder, read, str(file) if not is_remote(card) else card.name)).facts


def keep_first_answers(filed: Filed[VictimCard], file: Path | None = None) -> Path:
    """Ask a victim behind an address what it is known by, and return the file where this is kept.

    file: another than the usual one. Raises EndpointError in one line where it gives no images.
    """
    card, place = filed.card, file or first_answers(filed.card)
    with tempfile.TemporaryDirectory(prefix="gexbench-probe-") as temporary:
        folder = Path(temporary)
        given = _reached(card, folder)
        read = [*filter(None, [given["authorities"]])]
        order = Recognise(card=card, threads=_threads(), **given)
        told = _asked(order, Recognised, _Place(folder, read, card.name))
    atomic_write(place, told.answers.numpy().tobytes())
    return place


def _reached(card: VictimCard, folder: Path) -> dict[str, Any]:
    if not is_remote(card):
        return {}
    endpoint = endpoint_of(card)
    return {"headers": headers_of(endpoint), "authorities": store_authorities(endpoint, folder / "authorities.pem")}


def _threads() -> int:
    return hardware.choose("cpu", True).threads


def _asked(order: Probe | Recognise, due: type[M], place: _Place) -> M:
    ours, theirs = pair()
    passed = [theirs, *([dialler(endpoint_of(order.card))] if is_remote(order.card) else [])]
    fds = tuple(channel.fileno() for channel in passed)
    log, rules = place.folder / "log.txt", _rules(place.read)
    module = "gexbench.engine.service.probe_process"
    job = Job(module, tuple(map(str, fds)), fds, place.folder / "child", log, rules, {})
    with closing(ours), launch(job):
        for channel in passed:
            channel.close()
        with suppress(BrokenFrame), Clock(WITHIN, BrokenFrame("it does not read")) as left:
            send(ours, order, left.wait)
        return _told(ours, due, place.subject)


def _told(channel: Channel, due: type[M], subject: str) -> M:
    message: Message | None
    try:
        with Clock(WITHIN, TimeoutError()) as left:
            message = receive(channel, due, Broken, wait=left.wait)
    except TimeoutError:
        raise PlanError(f"{subject} did not answer within {WITHIN:g} s", "give a smaller network") from None
    except BrokenFrame as broken:
        raise PlanError(f"{subject}: its process sent something else than a frame: {broken}", "give another") from None
    if message is None:
        raise PlanError(f"{subject} ended the process that opened it", "give another file")
    if isinstance(message, Broken):
        kind = _RAISED.get(message.kind, PlanError)
        raise kind(shown(message.message, PARAGRAPH), shown(message.hint, PARAGRAPH))
    return message


def _copied(filed: Filed[VictimCard], folder: Path) -> Path | None:
    file = code_file(filed)
    if file is None:
        return None
    folder.mkdir(parents=True)
    shutil.copyfile(file, folder / file.name)
    return folder


def _rules(read: Sequence[Path]) -> Rules | None:
    if chosen("auto") != "landlock":
        return None
    private = [packaged_root().path, home(), *filter(None, [data_root()])]
    rules = interpreter_rules(private, [], "cpu")
    return replace(rules, read=(*rules.read, *read))
