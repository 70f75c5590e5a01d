"""Records that were withdrawn or superseded: where their pages lie, and the table that leads to them."""

from __future__ import annotations

from collections.abc import Mapping

from gexbench.boards.rank import Board
from gexbench.boards.sections import retired
from gexbench.site.addresses import record_named
from gexbench.site.render import Grid
from gexbench.site.rows import clean
from gexbench.site.source import Source


def retired_names(source: Source) -> dict[str, str]:
    """Return by what name each retired record is known on a site, by seal: its run's, unless another record has it.

    So a link to a record that was withdrawn goes on leading to it.
    """
    taken, found = set(source.files), dict[str, str]()
    for each in (each for board in source.boards for each in board.retired):
        name = each.record.run_name
        found[each.record.seal] = name if name not in taken else f"{name}-{each.record.seal[:8]}"
        taken.add(name)
    return found


def retired_grid(board: Board, names: Mapping[str, str]) -> Grid | None:
    """Return a board's retired records as a table, None where there are none. names: as `retired_names`."""
    sheet = next(retired(board), None)
    if sheet is None:
        return None
    titles, standing = [column.title for column in sheet.columns], {record.run_name for record in board.records}
    attack, now = titles.index("attack"), titles.index("now")
    hrefs = {(at, attack): record_named(names[each.record.seal]) for at, each in enumerate(board.retired)}
    hrefs |= {(at, now): record_named(e.note.by) for at, e in enumerate(board.retired) if e.note.by in standing}
    return Grid(clean(sheet), {place: f"{name}.html" for place, name in hrefs.items()})
