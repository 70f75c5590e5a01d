"""From boards to the files of a site."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from gexbench.boards.citation import cff, digest
from gexbench.boards.flat import to_csv
from gexbench.boards.publish import as_json
from gexbench.cards.schema import DatasetCard
from gexbench.errors import BoardError
from gexbench.files import atomic_write, read_bounded
from gexbench.record import LARGEST_FILE
from gexbench.site import addresses
from gexbench.site.addresses import croissant_page
from gexbench.site.board_page import board_html
from gexbench.site.card_page import card_html, index_html
from gexbench.site.cost_page import cost_html
from gexbench.site.croissant import of_card, of_records
from gexbench.site.data import parquets, scores, scores_csv
from gexbench.site.eval_results import eval_results
from gexbench.site.home_page import home_html
from gexbench.site.record_page import record_html
from gexbench.site.render import TEMPLATES
from gexbench.site.source import Source, read_picture
from gexbench.site.table_page import table_html

SUMS = "SHA256SUMS"
"""The list of a site's files and their hashes, as `sha256sum` writes it: by it a site knows its own files."""
LARGEST_SUMS = 64 << 20


@dataclass(frozen=True)
class Built:
    """What a build did: files of the site in all, those that were written, and those of an earlier build removed."""

    files: int
    written: int
    removed: int
    size: int


def pages(source: Source) -> Iterator[tuple[str, bytes]]:
    """Yield every file of a site with its place; the same records, cards and libraries give the same bytes."""
    yield from ((name, (TEMPLATES / name).read_bytes()) for name in (addresses.STYLE, addresses.SCRIPT))
    yield from ((place, text.encode()) for place, text in _texts(source))
    yield from _data(source)
    for board in source.boards:
        for record in board.records:
            yield addresses.record_data(record), read_bounded(source.files[record.run_name], LARGEST_FILE)
            if record.run_name in source.pictures:
                yield addresses.picture(record), read_picture(source.pictures[record.run_name])


def _texts(source: Source) -> Iterator[tuple[str, str]]:
    yield addresses.HOME, home_html(source)
    yield addresses.COSTS, cost_html(source)
    for board in source.boards:
        name = addresses.plain(board.card.name)
        yield addresses.board_page(board), board_html(board, source.pictures, source.parquet)
        yield f"data/{name}.csv", to_csv(board)
        yield (
            f"data/{name}.json",
            json.dumps({**as_json(board), "digest": digest(board)}, indent=1, allow_nan=False) + "\n",
        )
        yield f"data/{name}.cff", cff(board)
        for table in board.tables:
            yield addresses.table_page(board, table), table_html(board, table, source.pictures)
            for record in table.records:
                there = record.run_name in source.pictures
                yield addresses.record_page(record), record_html(board, table, record, there)
                yield addresses.eval_results(record), eval_results(record)
    for kind, folder in addresses.CARDS.items():
        cards = list(source.cards[kind].values())
        yield f"{folder}/index.html", index_html(folder, cards, source)
        yield from ((addresses.card_page(card), card_html(source, card)) for card in cards)
        yield from ((croissant_page(card), of_card(card)) for card in cards if isinstance(card, DatasetCard))


def _data(source: Source) -> Iterator[tuple[str, bytes]]:
    """Yield every number of every record as a table, and what it means; and all tables as Parquet where asked for."""
    rows = scores(source.boards)
    table = scores_csv(rows).encode()
    yield "data/scores.csv", table
    yield "data/croissant.json", of_records(source.boards, "scores.csv", table).encode()
    if source.parquet:
        for name, content in parquets(source.boards, rows):
            yield f"data/{addresses.plain(name)}.parquet", content


def build(source: Source, folder: Path) -> Built:
    """Write a site; what an earlier build left there and this one has not is removed.

    Raises BoardError for a folder that holds anything that is no site's: nothing is written then.
    """
    known = _known(folder)
    made = dict(pages(source))
    sums = {place: sha256(content).hexdigest() for place, content in made.items()}
    strange = [place for place in _there(folder) if place != SUMS and place not in known]
    if strange:
        raise BoardError(
            f"{folder} holds what is of no site, such as {strange[0]}", "--to names an empty folder, or that of a site"
        )
    new = {place for place in made if known.get(place) != sums[place] or not _is(folder / place, sums[place])}
    for place in sorted(new):
        atomic_write(folder / place, made[place])
    gone = [place for place in known if place not in made and _is(folder / place, known[place])]
    for place in gone:
        (folder / place).unlink()
    atomic_write(folder / SUMS, _sums(sums).encode())
    return Built(len(made), len(new), len(gone), sum(map(len, made.values())))


def check(source: Source, folder: Path) -> Built:
    """Compare a site with what its records give; raises BoardError naming a file that is stale, missing or too much."""
    made = dict(pages(source))
    sums = {place: sha256(content).hexdigest() for place, content in made.items()}
    stale = [place for place, digest in sums.items() if not _is(folder / place, digest)]
    stale += [place for place in _there(folder) if place not in made and place != SUMS]
    if stale:
        raise BoardError(
            f"{folder} is not what the records give: {', '.join(stale[:5])}"
            + (f" and {len(stale) - 5} more" if len(stale) > 5 else ""),
            "run `gexbench site build` again",
        )
    return Built(len(made), 0, 0, sum(map(len, made.values())))


def _sums(sums: dict[str, str]) -> str:
    return "".join(f"{digest}  {place}\n" for place, digest in sorted(sums.items()))


def _known(folder: Path) -> dict[str, str]:
    """Return the files that a site says it has, with their hashes; nothing where no site lies."""
    file = folder / SUMS
    if not file.is_file():
        return {}
    try:
        lines = read_bounded(file, LARGEST_SUMS).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BoardError(f"cannot read {file}: {error}", "--to names an empty folder") from None
    pairs = [line.split("  ", 1) for line in lines if "  " in line]
    return {place: digest for digest, place in pairs if _is_below(place)}


def _is_below(place: str) -> bool:
    path = Path(place)
    return not path.is_absolute() and ".." not in path.parts


def _there(folder: Path) -> Sequence[str]:
    """Return the files below a folder, by their places in it."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def _is(file: Path, digest: str) -> bool:
    """Say whether a file has this hash; false for links."""
    if file.is_symlink() or not file.is_file():
        return False
    return sha256(file.read_bytes()).hexdigest() == digest
