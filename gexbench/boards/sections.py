"""The sections of a board's page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from gexbench.boards.agree import passports
from gexbench.boards.defense_picture import scatter, stem
from gexbench.boards.defense_sheets import defense_sheet, joint_sheet
from gexbench.boards.label import attack_label, defense_label
from gexbench.boards.owned import ownership_sheet
from gexbench.boards.rank import Board, Table
from gexbench.boards.remarks import remarks
from gexbench.boards.retired import Retired
from gexbench.boards.row import NEARLY, Row, measured, metric_card
from gexbench.boards.sheet import (
    NOTHING,
    Column,
    Link,
    Page,
    Sheet,
    count,
    heading,
    interval,
    number,
    visible,
    with_std,
)
from gexbench.boards.spread import Spread, spread
from gexbench.cards.board import Reported, ReportedDefense
from gexbench.cards.fields import Compare
from gexbench.cards.published import public
from gexbench.cards.schema import Main, MetricCard, TaskCard, VictimCard

GUIDE = "docs/reading-a-board.md"
COMPARES: dict[Compare, str] = {"A": "A victim / truth", "B": "B surrogate / victim", "C": "C surrogate / truth"}


def page(board: Board) -> Page:
    """Return a board's page; the same records give the same page."""
    lead = [board.card.summary, board.task.summary]
    if not board.tables:
        lead.append("No records yet. `gexbench board add RUN` brings the first.")
    sheets: list[Sheet] = []
    for profile, tables in groupby(board.tables, key=lambda table: table.profile):
        sheets += _profile(board, profile, list(tables))
    sheets += retired(board)
    sheets += recipes(board)
    sheets += reported(board)
    return visible(Page(f"Leaderboard {board.card.taken}", tuple(lead), GUIDE, tuple(sheets)))


def _profile(board: Board, profile: str, tables: list[Table]) -> Iterator[Sheet]:
    yield facts(board, profile, tables)
    for table in tables:
        yield ranking(board, table)
        yield details(table)
    yield from defenses(profile, tables)


def facts(board: Board, profile: str, tables: list[Table]) -> Sheet:
    """Return what the tables of a profile have in common: victim, data, and how they are read."""
    record = tables[0].records[0]
    plan, images = record.plan, {s.test: s.n for s in record.scores}
    card = metric_card(record, plan.task.main.metric)
    splits = ", ".join(f"{test} ({images[test]} images)" for test in plan.dataset.splits.test)
    return Sheet(
        f"Profile {profile}",
        notes=(
            f"Victim {plan.victim.name} (weights {plan.victim_weights[:12]}), data set {plan.dataset.name}, "
            f"test splits {splits}; {plan.task.price:g} USD a query.",
            public(plan.dataset),
            *_released(plan.victim),
            *_accuracy(tables, card),
            f"{_compared(plan.task)} Where a heading names no metric, it is "
            f"{heading(card)}: mean ± standard deviation over seeds. "
            f"An attack is ranked once it has the seeds 0 to {plan.profile.seeds - 1}.",
            *_older(board, tables),
            *board.card.notes.get(profile, ()),
        ),
    )


def _released(victim: VictimCard) -> Iterator[str]:
    """Yield what to know of a victim that others released."""
    if victim.asset is not None:
        yield (
            f"Nobody here trained the victim: its weights are public ({victim.licence}). A submission can bring them "
            f"along, so rows are marked whose copies are nearly the victim itself ({NEARLY})."
        )


def _accuracy(tables: list[Table], card: MetricCard) -> Iterator[str]:
    if tables[0].records[0].plan.task.truth != "none":
        yield f"A, the victim against the truth, {heading(card)}: {accuracy(tables, card) or 'not measured'}."


def _compared(task: TaskCard) -> str:
    if task.truth == "none":
        return "Nobody knows what the answers should be: B, surrogate against victim, is all there is."
    return "B compares surrogate and victim, C surrogate and truth."


def defenses(profile: str, tables: list[Table]) -> Iterator[Sheet]:
    """Yield what a profile's defenses take and cost, and who was found; nothing where no record is defended."""
    taken = defense_sheet(profile, tables)
    if taken is not None:
        yield replace(taken, picture=stem(profile) if scatter(tables) is not None else "")
    yield from (
        sheet for sheet in (joint_sheet(profile, tables), ownership_sheet(profile, tables)) if sheet is not None
    )


def _older(board: Board, tables: list[Table]) -> Iterator[str]:
    """Yield of which earlier versions of the task there are records."""
    found = {record.plan.task.version for table in tables for record in table.records} - {board.card.newest}
    if found:
        versions = ", ".join(f"{board.card.of}@{version}" for version in sorted(found))
        yield f"Among the records are those of {versions}, which is the same at this profile."


def accuracy(tables: list[Table], card: MetricCard) -> str:
    """Return comparison A in words; victim and data are the same for all tables of a profile."""
    parts, records = [], [record for table in tables for record in table.records]
    for test in _tests(tables[0]):
        values = [v for record in records if (v := record.score(card.name, "A", test)) is not None]
        parts += [f"{test} {number(spread(values).mean, card)}"] if values else []
    return ", ".join(parts)


def table_title(table: Table) -> str:
    """Return what the table's records have in common, in words."""
    against = f"against {table.defense}" if table.defense else "no defense"
    ranked = " (the ranked budget)" if table.headline else ""
    return f"{table.profile}, {table.budget} queries{ranked}, {against}"


def _tests(table: Table) -> list[str]:
    return list(table.records[0].plan.dataset.splits.test)


def ranking(board: Board, table: Table) -> Sheet:
    """Return the table of ranks: the mean of the splits first, then, if there are several, split by split.

    Only what rows are ranked by is a mean of splits: truths of several splits have nothing in common. A
    column whose metric the profile does not measure is left out.
    """
    plan, cards = table.records[0].plan, measured(table.records)
    splits = tests if len(tests := _tests(table)) > 1 else []
    main, shown = plan.task.main, [column for column in board.card.columns if column.metric in cards]
    others = [column for column in shown if column != main and (column.compare == main.compare or not splits)]
    parts = [(column, test) for column in shown for test in splits]
    columns: tuple[Column, ...] = (
        Column("rank"),
        Column("attack", False),
        Column(_short(table, main)),
        Column(f"95 % CI of {main.compare}", spare=2),
        *(Column(_short(table, column)) for column in others),
        Column("seeds"),
        Column("queries", spare=1),
        Column("USD", spare=1),
        *(Column(_short(table, column, test), spare=2) for column, test in parts),
        Column("status", False, spare=2),
        Column("marks", False),
    )
    rows = tuple(
        (
            *_lead(row),
            *(_cell(row, column, cards) for column in others),
            *_spent(row),
            *(_cell(row, column, cards, test) for column, test in parts),
            board.status(row),
            "; ".join(row.marks),
        )
        for row in table.rows
    )
    numbers: dict[int, tuple[Main, str | None]] = {2: (main, None)}
    numbers |= {4 + at: (column, None) for at, column in enumerate(others)}
    numbers |= {7 + len(others) + at: part for at, part in enumerate(parts)}
    return Sheet(
        table_title(table),
        3,
        columns=columns,
        rows=rows,
        faint=frozenset(place for place, row in enumerate(table.rows) if row.rank is None),
        below=tuple(remarks(table)),
        links=tuple(row.links for row in table.rows),
        best=_best(table, rows, numbers),
        caption=_caption(board, table),
        label=" ".join((board.card.name, table.profile, str(table.budget), table.defense)),
    )


def _best(
    table: Table, rows: Sequence[Sequence[str]], numbers: Mapping[int, tuple[Main, str | None]]
) -> frozenset[tuple[int, int]]:
    """Return the places of the best number of the ranked rows in each column, and of those that look the same.

    numbers: by column, what it holds and of which test split.
    """
    cards, found = measured(table.records), set()
    for at, (what, test) in numbers.items():
        scores = {
            place: row.score(what.metric, what.compare, test)
            for place, row in enumerate(table.rows)
            if row.rank is not None
        }
        known = {place: score.mean for place, score in scores.items() if score is not None}
        if known:
            best = min(known, key=lambda place: cards[what.metric].distance(known[place]))
            found |= {(place, at) for place in known if rows[place][at] == rows[best][at]}
    return frozenset(found)


def _caption(board: Board, table: Table) -> str:
    """Return what a paper says of the table of ranks, where no page stands around it."""
    main = heading(metric_card(table.records[0], table.records[0].plan.task.main.metric))
    told = table.records[0].plan.task.truth == "none"
    compared = f"B compares surrogate and victim{'' if told else ', C surrogate and truth'},"
    return (
        f"{board.card.task} at profile {table_title(table)}. {compared} "
        f"by {main} where a heading names no metric: mean ± standard deviation over seeds, of the mean of the test "
        "splits where it names none. Bold is the best of the ranked rows; rows without a rank are controls or lack "
        "seeds."
    )


def _short(table: Table, column: Main, test: str = "") -> str:
    """Return a heading such as `B`, `C set5` or `B lpips-alex ↓`: the main metric goes without saying."""
    if column.metric == table.records[0].plan.task.main.metric:
        return f"{column.compare} {test}".strip()
    return heading(measured(table.records)[column.metric], column.compare, test)


def _lead(row: Row) -> tuple[str, ...]:
    plan, main = row.records[0].plan, row.main()
    card, rank = metric_card(row.records[0], plan.task.main.metric), NOTHING if row.rank is None else str(row.rank)
    return f"{rank} {row.letters}".strip(), row.label, with_std(main, card), _interval(main, card)


def _interval(main: Spread | None, card: MetricCard) -> str:
    """Return the interval of a mean over seeds, or that seeds change nothing."""
    if main is None:
        return NOTHING
    return "deterministic" if main.still else interval(main.low, main.high, card, main.std)


def _spent(row: Row) -> tuple[str, ...]:
    return str(len(row.seeds)), count(row.queries), f"{row.cost:.2f}"


def _cell(row: Row, column: Main, cards: Mapping[str, MetricCard], test: str | None = None) -> str:
    """Return mean ± standard deviation, and how many seeds it is of where that is not all of the row's."""
    value = row.score(column.metric, column.compare, test)
    some = f" (n={value.n})" if value is not None and value.n < len(row.seeds) else ""
    return with_std(value, cards[column.metric]) + some


def details(table: Table) -> Sheet:
    """Return every metric of a table's rows, split by split."""
    cards = measured(table.records)
    columns = [Column("attack", False), Column("test", False), Column("compared", False)]
    kept: list[tuple[tuple[str, ...], Row]] = []
    for row in table.rows:
        for test in _tests(table):
            for compare in ("B", "C"):
                cells = [_cell(row, Main(metric=name, compare=compare), cards, test) for name in cards]
                if any(cell != NOTHING for cell in cells):
                    kept.append(((row.label, test, COMPARES[compare], *cells), row))
    return Sheet(
        f"All metrics: {table_title(table)}",
        3,
        (),
        (*columns, *(Column(heading(card)) for card in cards.values())),
        tuple(cells for cells, _ in kept),
        folded=True,
        links=tuple(row.links for _, row in kept),
    )


def retired(board: Board) -> Iterator[Sheet]:
    """Yield what was withdrawn or superseded, a record a row; nothing where nothing was."""
    titles = ("state", "attack", "profile", "queries", "defense", "seed", "main number", "since", "reason", "now")
    columns = tuple(Column(title, title in ("queries", "seed", "main number")) for title in titles)
    if board.retired:
        yield Sheet(
            "Withdrawn and superseded",
            2,
            ("These records stood in the tables above once. They are ranked nowhere and compared with nothing.",),
            columns,
            tuple(_gone(each) for each in board.retired),
            frozenset(range(len(board.retired))),
            links=tuple((Link(str(each.record.plan.seed), each.place),) for each in board.retired),
        )


def _gone(each: Retired) -> tuple[str, ...]:
    plan, main = each.record.plan, each.record.plan.task.main
    card = metric_card(each.record, main.metric)
    return (
        each.note.state,
        attack_label(plan),
        plan.profile.name,
        str(plan.budget),
        defense_label(plan) or "none",
        str(plan.seed),
        f"{main.compare} {number(each.record.score(main.metric, main.compare), card)}",
        str(each.note.since),
        each.note.reason,
        each.note.by or NOTHING,
    )


def recipes(board: Board) -> Iterator[Sheet]:
    """Yield the passports of all metrics, so that every number on the page has its recipe there too."""
    rows: dict[tuple[str, ...], None] = {}
    for profile, tables in groupby(board.tables, key=lambda table: table.profile):
        for record in [record for table in tables for record in table.records]:
            for metric, recipe in sorted(passports(record).items()):
                settings = ", ".join(f"{key}={value}" for key, value in sorted(recipe.settings.items()))
                weights = ", ".join(f"{key} {value[:12]}" for key, value in sorted(recipe.weights.items()))
                rows[
                    (
                        profile,
                        f"{metric}@{recipe.version}",
                        recipe.implementation,
                        settings or NOTHING,
                        recipe.preprocessing,
                        recipe.precision,
                        weights or NOTHING,
                    )
                ] = None
    titles = ("profile", "metric", "implementation", "settings", "preprocessing", "precision", "weights")
    columns = tuple(Column(title, False) for title in titles)
    if rows:
        yield Sheet("How the numbers were computed", 2, (), columns, tuple(rows), folded=True)


def reported(board: Board) -> Iterator[Sheet]:
    """Yield what was published elsewhere, never ranked with ours."""
    yield from (_reported(each) for each in board.card.reported)
    if board.card.defenses and any(table.defense for table in board.tables):
        yield _reported_defenses(board.card.defenses)


def _reported(reported: Reported) -> Sheet:
    columns = (*(Column(title, False) for title in ("attack", "test", "metric")), *map(Column, COMPARES))
    rows = tuple(
        (row.attack, row.test, row.metric, *(row.values.get(compare, NOTHING) for compare in COMPARES))
        for row in reported.rows
    )
    return Sheet(
        f"Reported elsewhere, not comparable: {reported.title}",
        2,
        (f"Source: {reported.source}.",),
        columns,
        rows,
        bullets=reported.traps,
    )


def _reported_defenses(found: Sequence[ReportedDefense]) -> Sheet:
    columns = tuple(Column(title, False) for title in ("defense", "reported", "to know", "source"))
    rows = tuple((each.defense, each.finding, each.trap, each.source) for each in found)
    return Sheet("Reported elsewhere, not comparable: defenses", 2, (), columns, rows)
