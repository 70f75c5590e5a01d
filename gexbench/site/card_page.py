"""The page of a card: what it is, where it comes from, its options, and its results on every board."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from gexbench.boards.defended import damages, main_card
from gexbench.boards.defense_sheets import told_harm
from gexbench.boards.row import Row, measured, metric_card
from gexbench.boards.sections import accuracy
from gexbench.boards.sheet import NOTHING, Column, Sheet, heading, number, with_std
from gexbench.cards.fields import OptionValue
from gexbench.cards.published import public
from gexbench.cards.schema import AttackCard, Card, DatasetCard, DefenseCard, MetricCard, Option, VictimCard
from gexbench.foreign_text import PARAGRAPH, shown
from gexbench.site.addresses import CARDS, card_page, croissant_page
from gexbench.site.render import Grid, render
from gexbench.site.rows import clean, result_grid
from gexbench.site.source import Source, Spot

TOLD = {"attacks": "attack", "defenses": "defense", "victims": "victim", "metrics": "metric", "datasets": "data set"}
TITLES = {**{kind: kind.capitalize() for kind in TOLD}, "datasets": "Data sets"}


def card_html(source: Source, card: Card) -> str:
    """Return the page of a card."""
    kind = CARDS[type(card)]
    return render(
        "card.html",
        card_page(card),
        kind=kind,
        kinds_title=TITLES[kind],
        what="control" if isinstance(card, AttackCard) and card.is_control else TOLD[kind],
        card=card,
        source=getattr(card, "source", ""),
        note=shown(getattr(card, "note", ""), PARAGRAPH),
        facts=[(name, shown(text, PARAGRAPH)) for name, text in _facts(card) if text],
        options=_options(card),
        results=_results(source, card),
        croissant=croissant_page(card) if isinstance(card, DatasetCard) else "",
    )


def index_html(kind: str, cards: Sequence[Card], source: Source) -> str:
    """Return the list of all cards of a kind."""
    columns = (Column(TOLD[kind], False), Column("what it is", False), Column("rows"))
    rows = tuple((card.name, card.summary, str(len(_spots(source, card)))) for card in cards)
    sheet = clean(Sheet(TITLES[kind], 2, columns=columns, rows=rows))
    controls = frozenset(at for at, card in enumerate(cards) if isinstance(card, AttackCard) and card.is_control)
    grid = Grid(sheet, {(at, 0): card_page(card) for at, card in enumerate(cards)}, controls=controls)
    return render("cards.html", f"{kind}/index.html", kind=kind, title=TITLES[kind], grid=grid)


def _facts(card: Card) -> Iterator[tuple[str, str]]:
    """Yield what a card says beside its summary, in words."""
    yield "version", str(card.version)
    match card:
        case AttackCard() | DefenseCard():
            yield "for services of kind", ", ".join(card.task_kinds)
            yield "code", card.entry or "none: the victim itself answers"
            yield "large files", ", ".join(f"{each.file} ({each.size} bytes)" for each in card.files)
            yield from _particular(card)
        case VictimCard():
            yield "kind", card.task_kind
            yield "learned from", card.dataset or "unknown"
            yield "network", _values(card.net)
            yield "training", _values(card.train)
            yield "FLOPs of it, counted", f"{card.training_flops:.3g}" if card.training_flops else ""
            yield "weights, SHA-256", card.weights.sha256 if card.weights else ""
            yield "released by others", card.asset or ""
            yield "licence", card.licence
            yield "terms of who trained it", card.upstream
        case MetricCard():
            yield "unit", card.unit
            yield "good values", card.arrow
            yield "compares", "image by image" if card.paired else f"sets, by the features {card.features}"
            yield "settings", _values(card.settings)
            yield "preprocessing", card.preprocessing
            yield "tolerance on another machine", f"{card.tolerance:g}"
        case DatasetCard():
            yield "licence", card.licence
            yield "stands in for", card.stands_in_for
            yield "test images", public(card)
            yield "splits", "; ".join(f"{name}: {_split(part)}" for name, part in card.splits.named().items())


def _particular(card: AttackCard | DefenseCard) -> Iterator[tuple[str, str]]:
    if isinstance(card, AttackCard):
        yield "knows", ", ".join(card.needs) or "nothing"
        return
    asked = {"prepares ahead of runs": card.prepares, "changes the victim": card.hardens, "claims": card.claims}
    yield "moments", ", ".join(name for name, there in asked.items() if there) or "answers alone"


def _split(part: Any) -> str:
    counted = f"{part.count or len(part.files)} {'files' if part.within != 'code' else 'drawn images'}"
    return (
        f"{counted} within {part.within}" if part.count or part.within != "data" else f"patterns within {part.within}"
    )


def _values(values: dict[str, Any]) -> str:
    return ", ".join(f"{key} = {_text(value)}" for key, value in values.items())


def _text(value: OptionValue | Any) -> str:
    if isinstance(value, (list, tuple)):
        return " + ".join(map(str, value)) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _options(card: Card) -> Grid | None:
    """Return the options of an attack or a defense: a column a profile that changes a default."""
    if not isinstance(card, AttackCard | DefenseCard) or not card.options:
        return None
    profiles = [name for name, changes in card.profile.items() if changes]
    columns = (
        Column("option", False),
        Column("what it does", False),
        Column("type", False),
        Column("default", False),
        *(Column(f"at {name}", False) for name in profiles),
        Column("allowed", False),
    )
    rows = tuple(
        (
            name,
            option.help,
            option.type,
            _text(option.default),
            *(_text(card.profile[p][name]) if name in card.profile[p] else "" for p in profiles),
            _allowed(option),
        )
        for name, option in card.options.items()
    )
    return Grid(clean(Sheet("Options", 2, columns=columns, rows=rows)))


def _allowed(option: Option) -> str:
    if option.choices:
        return ", ".join(option.choices)
    ends = [f"at least {option.min:g}"] if option.min is not None else []
    return " and ".join([*ends, *([f"at most {option.max:g}"] if option.max is not None else [])])


def _spots(source: Source, card: Card) -> list[Spot]:
    """Return the rows of all boards that a card has a part in."""
    return [spot for spot in source.spots if _has_part(card, spot.row)]


def _has_part(card: Card, row: Row) -> bool:
    plan = row.records[0].plan
    match card:
        case AttackCard():
            return plan.attack.name == card.name
        case DefenseCard():
            return plan.defense is not None and plan.defense.name == card.name
        case VictimCard():
            return plan.victim.name == card.name
        case DatasetCard():
            return plan.dataset.name == card.name
        case MetricCard():
            return card.name in measured(row.records)
    return False


def _results(source: Source, card: Card) -> list[Grid]:
    spots = _spots(source, card)
    if not spots:
        return []
    if isinstance(card, MetricCard):
        return [result_grid("Results", spots, list(_by_metric(card, spots)))]
    if isinstance(card, DefenseCard):
        return [*_damage(source, card), result_grid("Rows against it", spots)]
    if isinstance(card, VictimCard):
        return [_accuracy(source, card), result_grid("Copies of it", spots)]
    return [result_grid("Results", spots)]


def _by_metric(card: MetricCard, spots: Sequence[Spot]) -> Iterator[tuple[str, list[str]]]:
    """Yield B and C of a metric; C where there is one test split: truths of several have nothing in common."""
    arrow = heading(card)
    yield f"B {arrow}", [_score(spot, card, "B") for spot in spots]
    yield f"C {arrow}", [_score(spot, card, "C") for spot in spots]


def _score(spot: Spot, card: MetricCard, compare: Any) -> str:
    if compare == "C" and len(spot.row.records[0].plan.dataset.splits.test) > 1:
        return NOTHING
    return with_std(spot.row.score(card.name, compare), measured(spot.row.records)[card.name])


def _accuracy(source: Source, card: VictimCard) -> Grid:
    columns = (
        Column("task", False),
        Column("profile", False),
        Column("metric", False),
        Column("A, victim against truth"),
    )
    rows = []
    for board in source.boards:
        for profile, group in groupby(board.tables, key=lambda table: table.profile):
            tables = list(group)
            if tables[0].records[0].plan.victim.name == card.name:
                main = main_card(tables[0])
                rows.append((board.card.taken, profile, heading(main), accuracy(tables, main) or NOTHING))
    return Grid(clean(Sheet("How good it is", 2, columns=columns, rows=tuple(rows))))


def _damage(source: Source, card: DefenseCard) -> Iterator[Grid]:
    """Yield what a defense takes from each attack, and what it costs honest users; nothing where nobody knows."""
    titles = (
        "task",
        "profile",
        "queries",
        "defense",
        "attack",
        "undefended",
        "defended",
        "damage",
        "honest users' cost",
    )
    columns = tuple(Column(title, title not in ("task", "profile", "defense", "attack")) for title in titles)
    rows = []
    for board in source.boards:
        for profile, group in groupby(board.tables, key=lambda table: table.profile):
            for d in damages(list(group)):
                plan = d.row.records[0].plan
                if plan.defense is None or plan.defense.name != card.name:
                    continue
                main = main_card(d.table)
                costs = [(metric_card(d.row.records[0], name), d.row.honest(name)) for name in plan.task.costs]
                told = "; ".join(f"{heading(c)} {number(cost.mean, c)}" for c, cost in costs if cost is not None)
                place = (board.card.taken, profile, str(d.table.budget), d.table.defense, d.row.label)
                harm = told_harm(d.test, main) if d.test is not None else NOTHING
                rows.append((*place, with_std(d.free, main), with_std(d.defended, main), harm, told or NOTHING))
    if rows:
        below = (
            "Damage: by how much the attack's main number is worse than without the defense, with its 95 % interval.",
        )
        sheet = Sheet("What it takes from attacks", 2, columns=columns, rows=tuple(rows), below=below)
        yield Grid(clean(sheet))
