"""What a site is made of: boards, cards, records as they lie there, and contact sheets where runs left them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from gexbench.boards.publish import folders, open_board
from gexbench.boards.rank import Board, Table
from gexbench.boards.row import Row
from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import Card
from gexbench.errors import BoardError
from gexbench.file_kinds import kind_of
from gexbench.files import read_bounded
from gexbench.record import RunRecord, read_record
from gexbench.site.addresses import CARDS

LARGEST_PICTURE = 16 << 20
SHEET = "samples.png"
"""The contact sheet in a run's folder."""


class Spot(NamedTuple):
    """A row, and where it stands."""

    board: Board
    table: Table
    row: Row


@dataclass(frozen=True)
class Source:
    """boards: by name. files: of each record, by its run's name. pictures: of the runs that have one, by that name.

    parquet: whether tables are given as Parquet, too.
    """

    boards: tuple[Board, ...]
    catalog: Catalog
    files: Mapping[str, Path]
    pictures: Mapping[str, Path] = field(default_factory=dict)
    parquet: bool = False

    @cached_property
    def spots(self) -> tuple[Spot, ...]:
        """Return every row of every board."""
        return tuple(Spot(board, table, row) for board in self.boards for table in board.tables for row in table.rows)

    @cached_property
    def cards(self) -> dict[type[Card], dict[str, Card]]:
        """Return the cards that have a page, by kind and name: the catalog's, or else the newest of the records."""
        found: dict[type[Card], dict[str, Card]] = {kind: {} for kind in CARDS}
        for card in self._recorded():
            known = found[type(card)].get(card.name)
            if known is None or known.version < card.version:
                found[type(card)][card.name] = card
        for kind, cards in found.items():
            cards |= {name: filed.card for name, filed in self.catalog.all(kind).items()}
        return {kind: dict(sorted(cards.items())) for kind, cards in found.items()}

    def _recorded(self) -> Iterator[Card]:
        for board in self.boards:
            for plan in (record.plan for record in board.records):
                yield from (plan.attack, plan.victim, plan.dataset, *plan.metrics)
                yield from [plan.defense] if plan.defense else ()


def open_source(root: Path, catalog: Catalog, runs: Sequence[Path] = (), parquet: bool = False) -> Source:
    """Read every board below `root`; raises BoardError when a record does not belong there.

    runs: folders of run folders. A contact sheet is taken where the record beside it is one of the boards'.
    """
    opened = [(folder, open_board(folder, catalog)) for folder in folders(None, root, catalog)]
    files = {r.run_name: folder.place(r) for folder, board in opened for r in board.records}
    boards = tuple(board for _, board in opened)
    return Source(boards, catalog, files, dict(_pictures(boards, runs)), parquet)


def _pictures(boards: Sequence[Board], runs: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    for folder in runs:
        if not folder.is_dir():
            raise BoardError(f"there is no folder {folder}", "--runs names a folder of run folders")
    for record in (record for board in boards for record in board.records):
        found = next((run for folder in runs if _is_of(record, run := folder / record.run_name)), None)
        if found is not None:
            yield record.run_name, found / SHEET


def _is_of(record: RunRecord, run: Path) -> bool:
    """Say whether a run's folder has a picture, and this very record beside it."""
    file = run / "record.json"
    return (run / SHEET).is_file() and file.is_file() and read_record(file).seal == record.seal


def read_picture(path: Path) -> bytes:
    """Return the bytes of a contact sheet; raises BoardError for what is no PNG, or too large."""
    try:
        content = read_bounded(path, LARGEST_PICTURE)
    except OSError as error:
        raise BoardError(
            f"cannot read {path}: {error.strerror}", "leave the run out, or make its picture anew"
        ) from None
    kind = kind_of(content[: 1 << 16])
    if kind is None or kind.name != "png":
        raise BoardError(f"{path} is no PNG image", "leave the run out, or make its picture anew")
    return content
