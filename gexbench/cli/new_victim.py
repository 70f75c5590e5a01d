"""What `gexbench new victim` writes: a card of a user's own service, with what a look at it found out."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

if TYPE_CHECKING:
    from gexbench.cards.catalog import Filed
    from gexbench.cards.own import Facts
    from gexbench.cards.schema import VictimCard

HEAD = "# A service of my own. gexbench victim probe found out what it takes and gives."


def write_victim(path: Path, name: str, filed: Filed[VictimCard], dataset: str | None) -> list[str]:
    """Look at a service, write its card, and beside it the file that it is known by; returns what to tell.

    filed: as store.own_victim finds it. dataset: what it learned from, if that is known. Raises
    GexbenchError in one line for what is no service; nothing is written then.
    """
    from gexbench.cards.catalog import check
    from gexbench.cards.own import signature_of
    from gexbench.cards.schema import VictimCard
    from gexbench.engine.checks.probe_victim import probe_victim
    from gexbench.files import atomic_write

    with tempfile.TemporaryDirectory(prefix="gexbench-probe-") as place:
        facts = probe_victim(filed, Path(place))
    table = {**_table(filed.card, facts), "name": name, **({"dataset": dataset} if dataset else {})}
    check(VictimCard, {**table, "weights": {"file": "x", "sha256": facts.sha256}}, path)
    weights = _kept(filed, path)
    table["weights"] = {"file": f"{path.parent.name}/{weights.name}", "sha256": _hash(weights)}
    signature_of(check(VictimCard, table, path))
    atomic_write(path, "\n".join([HEAD, *_lines(table), ""]).encode())
    what = "draws images" if facts.draws else f"answers images with images, x{facts.scale}"
    return [f"wrote {path}: {what}", f"wrote {weights}: what it is known by"]


def _table(card: VictimCard, facts: Facts) -> dict[str, Any]:
    """Return what a card says by what was found; of the card that was given its own words stay."""
    from gexbench.cards.fields import TaskKindName
    from gexbench.cards.own import is_remote
    from gexbench.errors import PlanError

    net: dict[str, Any] = {}
    if facts.draws:
        net["side"] = facts.drawn[0] if facts.drawn else None
    elif len(facts.sides) == 1 and not facts.any_shape:
        net["side"] = facts.sides[0]
    if not is_remote(card):
        if facts.gives is None and "gives" not in card.net:
            told = f"{card.name!r} answers with values from {facts.least:.3g} to {facts.most:.3g}, no usual range"
            raise PlanError(told, "write a card that says gives = [black, white], and give it in place of the file")
        net |= {"gives": list(facts.gives or ())} if facts.gives not in (None, (0.0, 1.0)) else {}
        net |= {"latent_size": facts.latent_size} if facts.draws else {}
    return {
        "name": card.name,
        "summary": "A service of my own.",
        "task_kind": get_args(TaskKindName)[int(facts.draws)],
        "backend": card.backend,
        "scale": facts.scale,
        **({"entry": card.entry} if card.entry else {}),
        "net": {**net, **card.net},
        **({"endpoint": dict(card.endpoint)} if card.endpoint else {}),
    }


def _kept(filed: Filed[VictimCard], path: Path) -> Path:
    """Copy what a victim is known by to beside its card, its class too where it is code; returns the first."""
    import shutil

    from gexbench.engine.store.own_victim import code_file
    from gexbench.engine.store.victim_weights import first_answers
    from gexbench.files import atomic_write, read_bounded

    card = filed.card
    file = filed.root.path / card.weights.file if card.weights else first_answers(card)
    code, copy = code_file(filed), path.with_suffix(file.suffix)
    with file.open("rb") as content:
        atomic_write(copy, lambda to: shutil.copyfileobj(content, to))
    if code is not None:
        atomic_write(path.parent.parent / code.name, read_bounded(code, 1 << 20))
    return copy


def _hash(file: Path) -> str:
    from gexbench.engine.store.weights import file_sha256

    return file_sha256(file)


def _lines(table: dict[str, Any]) -> Iterator[str]:
    """Yield a card as TOML: its values first, then its tables."""
    for key, value in table.items():
        if not isinstance(value, dict):
            yield f"{key} = {_value(value)}"
    for key, value in table.items():
        if isinstance(value, dict) and value:
            yield from ["", f"[{key}]", *(f"{name} = {_value(each)}" for name, each in value.items())]


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_value(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
