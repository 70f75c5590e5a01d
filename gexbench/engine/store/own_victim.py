"""A user's own victim: from the path of a file, or of a card, to a card in the catalog. Never imports torch."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from gexbench.cards.catalog import Filed, check, read_toml
from gexbench.cards.endpoint import BACKEND, is_address, target_of
from gexbench.cards.fields import TaskKindName
from gexbench.cards.own import PIPELINE, signature_of
from gexbench.cards.roots import CardRoot
from gexbench.cards.schema import VictimCard
from gexbench.engine.store.pipeline import is_packed, is_pipeline, packed
from gexbench.engine.store.victim_weights import first_answers
from gexbench.engine.store.weights import file_sha256
from gexbench.errors import AssetMissing, CardError, PlanError
from gexbench.file_kinds import what_is

NAMESPACE = "own"
CODE = "module"
"""The backend of a class in a file beside its card."""
OPENED = ("torchscript", "onnx")
"""Kinds of file that a backend of the same name opens."""
_EXPORT = "save it as TorchScript, torch.jit.script(net).save(FILE)"
_CARD = "keep its tensors in a safetensors file, and write a card that names your class: docs/your-own-service.md"


@dataclass(frozen=True)
class Place:
    """What a task says of its victim; side: of the images it takes or draws, None for any."""

    task_kind: TaskKindName
    scale: int
    dataset: str | None
    side: int | None = None


def taskless() -> Place:
    """Return a place for a victim that is looked at and not asked in a task."""
    words: tuple[TaskKindName, ...] = get_args(TaskKindName)
    return Place(words[0], 1, "none")


def is_path(victim: str) -> bool:
    """Say whether a text is a path or an address, not a name: names have no dots and do not begin with a slash."""
    written = is_address(victim) or victim.startswith(("/", "~")) or "." in victim or "\\" in victim
    return written or Path(victim).is_file() or is_pipeline(Path(victim))


def own_victim(path: str, place: Place) -> Filed[VictimCard]:
    """Return the card at a path, or one made for the file or address there, as a victim of a task.

    Raises AssetMissing where nothing lies there, PlanError for a file that is no victim, CardError for a broken card.
    """
    if is_address(path):
        return _addressed(path, place)
    file = Path(os.path.abspath(os.path.expanduser(path)))
    if not file.exists():
        raise AssetMissing(
            f"no victim at {path}",
            "give a TorchScript file, an ONNX file, a pipeline's folder, an address, or a victim's card (.toml)",
        )
    if is_pipeline(file):
        made = _made(packed(file), place, file.name)
        return Filed(made.card, made.root, file)
    return _carded(file) if file.suffix == ".toml" else _made(file, place)


def _carded(file: Path) -> Filed[VictimCard]:
    card = check(VictimCard, read_toml(file), file)
    if "/" not in card.name:
        raise CardError(f"{file}: the name {card.name!r} needs a namespace, such as own/{card.name}", "change `name`")
    if card.backend == "pytorch" and not card.entry.startswith("gexbench."):
        card = card.model_copy(update={"backend": CODE})
    signature_of(card)
    return Filed(card, CardRoot(file.parent, str(file), code=file.parent), file)


def _addressed(url: str, place: Place) -> Filed[VictimCard]:
    try:
        target = target_of(url)
    except ValueError as error:
        raise PlanError(
            f"--victim is no address of a victim: {error}", "give a card for more than an address"
        ) from None
    table: dict[str, Any] = {
        "name": f"{NAMESPACE}/{slug(f'{target.host} {target.port} {target.path}')}",
        "summary": f"A user's own victim, behind an address on {target.host}.",
        "task_kind": place.task_kind,
        "backend": BACKEND,
        "scale": place.scale,
        "dataset": place.dataset,
        "net": {} if place.side is None else {"side": place.side},
        "endpoint": {"url": url},
    }
    card = check(VictimCard, table, Path(target.host))
    file = first_answers(card)
    return Filed(card, CardRoot(file.parent, url), file)


def _made(file: Path, place: Place, called: str = "") -> Filed[VictimCard]:
    name = slug(called or file.stem)
    table: dict[str, Any] = {
        "name": f"{NAMESPACE}/{name}",
        "summary": f"A user's own victim, {name}.",
        "task_kind": place.task_kind,
        "backend": backend_for(file),
        "scale": place.scale,
        "dataset": place.dataset,
        "weights": {"file": file.name, "sha256": file_sha256(file)},
    }
    return Filed(check(VictimCard, table, file), CardRoot(file.parent, str(file)), file)


def called_with(filed: Filed[VictimCard], words: Sequence[str]) -> Filed[VictimCard]:
    """Return a victim with more words in [net] of its card, each `key=value`, the value as in JSON or else a text.

    Raises PlanError for another form, and for a victim that is called with nothing but its question.
    """
    if words and filed.card.backend not in (PIPELINE, CODE):
        raise PlanError(f"--set {words[0]!r}: {filed.card.name!r} is called with its question alone", "leave it out")
    net = dict(filed.card.net)
    for word in words:
        key, sign, text = word.partition("=")
        if not sign or not key.isidentifier():
            raise PlanError(f"--set {word!r} is not key=value", "such as num_inference_steps=20")
        try:
            net[key] = json.loads(text)
        except ValueError:
            net[key] = text
    return replace(filed, card=filed.card.model_copy(update={"net": net}))


def slug(text: str) -> str:
    """Return what a victim of such a file or address is called, behind its namespace."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:60].strip("-") or "victim"


def backend_for(file: Path) -> str:
    """Return the backend that opens a file; raises PlanError for a file that none does, with the way out."""
    kind = what_is(file)
    if kind is not None and kind.name in OPENED:
        return kind.name
    if kind is not None and kind.name == "zip" and is_packed(file):
        return PIPELINE
    told = "of no kind that is known" if kind is None else kind.told
    tensors = kind is not None and kind.name in ("torch", "pickle", "safetensors")
    way = f"{_EXPORT}; or {_CARD}" if tensors else (kind.way_out if kind and kind.group != "weights" else "")
    pickled = ", which is never unpickled here" if kind is not None and kind.name in ("torch", "pickle") else ""
    raise PlanError(
        f"{file} is {told}{pickled}; a victim is a TorchScript or an ONNX file, or a pipeline", way or _EXPORT
    )


def code_file(filed: Filed[VictimCard]) -> Path | None:
    """Return the file beside a card that holds a foreign network's class, None where the network is no code.

    Raises CardError where there is none.
    """
    card = filed.card
    if card.backend != CODE:
        return None
    module = card.entry.partition(":")[0]
    file = None if filed.root.code is None else filed.root.code / f"{module}.py"
    if file is None or not file.is_file():
        raise CardError(
            f"{filed.path}: no file {module}.py beside the card, for the entry {card.entry!r}", "put it there"
        )
    return file
