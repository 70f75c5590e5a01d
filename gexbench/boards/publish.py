"""From the folder of a board to its pages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gexbench.boards.defense_picture import KINDS, Scatter, draw, is_drawn, scatters, stem
from gexbench.boards.defense_rows import damage_rows, front_rows, ownership_rows
from gexbench.boards.flat import long_rows, plain, to_csv
from gexbench.boards.folder import BoardFolder, captured, is_fresh, write_fresh
from gexbench.boards.markdown import to_markdown
from gexbench.boards.rank import Board, make_board
from gexbench.boards.retired import RETIRED, Retired
from gexbench.boards.sections import page
from gexbench.cards.board import BoardCard
from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import TaskCard
from gexbench.errors import BoardError, CardError
from gexbench.files import atomic_write


@dataclass(frozen=True)
class Built:
    """A page of a board, and whether it stood there already as its records give it."""

    path: Path
    fresh: bool


def folders(name: str | None, root: Path, catalog: Catalog) -> list[BoardFolder]:
    """Return one board's folder, or those of all boards that have records below `root`.

    Raises BoardError when there is none, CardError for a folder or a name that belongs to no board.
    """
    if name is not None:
        return [_own(name, root, catalog)]
    patterns = (f"{depth}/{held}" for depth in ("*", "*/*") for held in ("records", RETIRED))
    folders = {folder.parent for pattern in patterns for folder in root.glob(pattern) if folder.is_dir()}
    names = sorted(folder.relative_to(root).as_posix() for folder in folders)
    if not names:
        raise BoardError(f"{root} holds no board", "`gexbench board add RUN` starts one; --dir names another folder")
    return [_own(name, root, catalog) for name in names]


def _own(name: str, root: Path, catalog: Catalog) -> BoardFolder:
    filed = catalog.filed(BoardCard, name)
    if why := captured(filed, catalog):
        raise CardError(why, "give the board's task a namespace, and a card beside the board's")
    return BoardFolder(filed.card, root / name)


def open_board(folder: BoardFolder, catalog: Catalog) -> Board:
    """Return a board ranked from its records; raises BoardError when one of them does not belong there."""
    records = [entry.record for entry in folder.read(catalog).entries]
    name, tasks = folder.card.of, [record.plan.task for record in records]
    task = max(tasks, key=lambda task: task.version) if tasks else catalog.get(TaskCard, name)
    current = catalog.all(TaskCard).get(name)
    if current is not None and current.card.version == folder.card.newest:
        task = current.card
    return make_board(folder.card, task, records, folder.verified(), folder.retired())


def pages(board: Board) -> dict[str, str]:
    """Return a board's files by name."""
    return {"README.md": to_markdown(page(board)), f"{board.card.name.split('/')[-1]}.csv": to_csv(board)}


def build(chosen: list[BoardFolder], catalog: Catalog, check: bool) -> list[Built]:
    """Write the pages and pictures of boards, or with `check` only compare; raises BoardError where one is not fresh.

    The folder of all boards must be there: it is never made.
    """
    for folder in chosen:
        if not folder.root.is_dir():
            raise BoardError(f"there is no folder {folder.root}", "--dir names the folder that the boards lie in")
    opened = [(each.folder, open_board(each, catalog)) for each in chosen]
    texts = [(place / name, text) for place, board in opened for name, text in pages(board).items()]
    drawn = [(place / name, points) for place, board in opened for name, points in pictures(board).items()]
    if check:
        stale = [path for path, text in texts if not is_fresh(path, text)]
        stale += [path for path, points in drawn if not is_drawn(path, points)]
        if stale:
            named = ", ".join(map(str, stale))
            raise BoardError(f"not what its records give: {named}", "run `gexbench board build`, and commit")
        return [Built(path, True) for path, _ in (*texts, *drawn)]
    built = [Built(path, not write_fresh(path, text)) for path, text in texts]
    return built + [_drawn(path, points) for path, points in drawn]


def pictures(board: Board) -> dict[str, Scatter]:
    """Return what a board's pictures show, by file name."""
    return {f"{stem(profile)}.{kind}": points for profile, points in scatters(board).items() for kind in KINDS}


def plain_retired(each: Retired) -> dict[str, Any]:
    """Return a retired record as plain data: which it is, and why it does not stand."""
    return {"record": each.path.stem, "seal": each.record.seal, **each.note.model_dump(mode="json")}


def _drawn(path: Path, points: Scatter) -> Built:
    fresh = is_drawn(path, points)
    if not fresh:
        atomic_write(path, draw(points, path.suffix[1:]))
    return Built(path, fresh)


def as_json(board: Board) -> dict[str, Any]:
    """Return a board as plain data: its long rows, defenses and ownership, and the reported rows."""
    by_profile = [
        [table for table in board.tables if table.profile == profile]
        for profile in dict.fromkeys(table.profile for table in board.tables)
    ]
    reported = [part.model_dump(mode="json") for part in board.card.reported]
    return {
        "board": board.card.name,
        "task": board.card.task,
        "scores": [plain(row) for row in long_rows(board)],
        "defenses": [plain(row) for tables in by_profile for row in damage_rows(tables)],
        "fronts": [plain(row) for tables in by_profile for row in front_rows(tables)],
        "ownership": [plain(row) for tables in by_profile for row in ownership_rows(tables)],
        "retired": [plain_retired(each) for each in board.retired],
        "reported": reported,
        "reported_defenses": [each.model_dump(mode="json") for each in board.card.defenses],
    }
