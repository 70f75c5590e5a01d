"""Records and cards with one thing changed, over and over: read, or refused in one line that does nothing."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from record_factory import Records, write_registry

from gexbench.boards.folder import BoardFolder, Intake
from gexbench.boards.publish import as_json, open_board, pages
from gexbench.cards.board import BoardCard
from gexbench.cards.catalog import FOLDERS, Catalog, check, read_toml
from gexbench.cards.roots import packaged_root
from gexbench.errors import GexbenchError
from gexbench.record import seal_of

VALUES: list[Any] = [
    None,
    True,
    -1,
    0,
    2**63,
    10**400,
    1.5,
    -0.0,
    1e308,
    "NaN",
    "Infinity",
    "-Infinity",
    "",
    "\x1b[31m[red]",
    "\u202e=1+1",
    "../../up",
    "a" * 100_000,
    [],
    [[]],
    {},
    {"\x1b": {"a": [1]}},
]
ROUNDS = [pytest.param(150, id="some"), pytest.param(20_000, id="many", marks=pytest.mark.slow)]


def places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container in plain data with every one of its keys."""
    for key, part in list(data.items() if isinstance(data, dict) else enumerate(data)):
        yield data, key
        if isinstance(part, (dict, list)):
            yield from places(part)


def mutate(data: Any, dice: random.Random) -> None:
    """Change, drop, add or double one thing."""
    holder, key = dice.choice(list(places(data)))
    match dice.randrange(5):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[dice.choice(["extra", "", "\x1b[31m", "value", "a" * 1000])] = dice.choice(VALUES)
        case 2 if isinstance(holder, list):
            holder.append(json.loads(json.dumps(holder[key])))
        case _:
            holder[key] = dice.choice(VALUES)


def is_one_line(error: GexbenchError) -> None:
    assert str(error)
    assert all(line.isprintable() for line in str(error).split("\n")), repr(str(error))
    assert len(str(error)) < 5000


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_changed_record_is_shown_as_it_is_or_refused(tmp_path: Path, rounds: int) -> None:
    records, dice = Records(write_registry(tmp_path / "registry")), random.Random(rounds)
    catalog, kept = records.catalog, 0
    folder = BoardFolder(catalog.get(BoardCard, "sr"), tmp_path / "boards" / "sr")
    file = folder.folder / "records" / "a.json"
    file.parent.mkdir(parents=True)
    text = records.make(defense="jpeg").model_dump_json()
    for _ in range(rounds):
        data = json.loads(text)
        for _ in range(dice.randint(1, 2)):
            mutate(data, dice)
        data["seal"] = seal_of(data)
        file.write_text(json.dumps(data), encoding="utf-8")
        intake = Intake(tmp_path / "empty", catalog)
        intake.take(file)
        assert all(line.isprintable() for line in intake.refused), intake.refused
        try:
            board = open_board(folder, catalog)
        except GexbenchError as error:
            is_one_line(error)
            continue
        kept += 1
        json.dumps(as_json(board), allow_nan=False)
        assert all(set("\x1b\u202e").isdisjoint(page) and len(page) < 100_000 for page in pages(board).values())
    assert kept < rounds / 2


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_changed_card_is_a_card_or_refused(rounds: int) -> None:
    root, dice = packaged_root().path, random.Random(rounds)
    cards = [
        (kind, json.dumps(read_toml(path)))
        for kind, name in FOLDERS.items()
        for path in sorted((root / name).glob("*.toml"))
    ]
    for _ in range(rounds):
        kind, text = dice.choice(cards)
        table = json.loads(text)
        mutate(table, dice)
        try:
            check(kind, table, Path("card.toml"))
        except GexbenchError as error:
            is_one_line(error)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_card_with_changed_bytes_is_read_or_refused(tmp_path: Path, rounds: int) -> None:
    dice, whole = random.Random(rounds), (packaged_root().path / "attacks" / "srresnet.toml").read_bytes()
    path = tmp_path / "srresnet.toml"
    for _ in range(rounds):
        content = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(content))
            content[at : at + dice.choice((0, 1, 1, 40))] = dice.choice(
                (b"", b"[", b'"', b"\x00", b"\xff", b"9" * 5000, b"[" * 3000, b"\n", dice.randbytes(3))
            )
        path.write_bytes(content)
        try:
            check(next(kind for kind, name in FOLDERS.items() if name == "attacks"), read_toml(path), path)
        except GexbenchError as error:
            is_one_line(error)


def test_the_registry_itself_is_whole() -> None:
    assert all(Catalog.load().all(kind) for kind in FOLDERS)
