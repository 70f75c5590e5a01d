"""The tables of a profile's defenses: what each takes and costs, and every attack against every defense."""

from __future__ import annotations

from collections.abc import Sequence

from gexbench.boards.defended import Damage, Defended, guarded, harm, loss_card, main_card
from gexbench.boards.pair_tests import PairTest
from gexbench.boards.rank import Table
from gexbench.boards.row import Row, metric_card
from gexbench.boards.sheet import NOTHING, Column, Sheet, heading, interval, number, with_std
from gexbench.boards.spread import Spread
from gexbench.cards.schema import MetricCard

FRONT = "◆"


def defense_sheet(profile: str, tables: Sequence[Table]) -> Sheet | None:
    """Return the table of a profile's defenses, a row a defense and budget; None where no record is defended."""
    found = guarded(tables)
    if not found:
        return None
    first = found[0].table
    main, plan = main_card(first), first.records[0].plan
    costs = [metric_card(first.records[0], name) for name in plan.task.costs]
    asked = [cost for cost in costs if any(each.attacked.queried(cost.name) for each in found)]
    attacks = sorted({label for each in found for label, damage in each.damages.items() if damage.test is not None})
    prepared = any(each.preparing is not None for each in found)
    columns = (
        Column("queries"),
        Column("defense", False),
        *(Column(f"damage to {attack}", spare=1) for attack in attacks),
        Column("taken from thieves"),
        *(Column("honest " + heading(cost)) for cost in costs),
        *(Column("on queries " + heading(cost), spare=1) for cost in asked),
        Column("ms an answer", spare=1),
        *([Column("s to prepare", spare=1)] if prepared else []),
        Column("seeds", spare=1),
        Column("marks", False, spare=2),
    )
    rows = tuple(
        (
            str(each.table.budget),
            f"{FRONT} {each.table.defense}" if each.front else each.table.defense,
            *(_damage(each.damages.get(attack), main) for attack in attacks),
            told_harm(each.stolen, main),
            *(number(_mean(each.attacked.honest(cost.name)), cost) for cost in costs),
            *(number(_mean(each.attacked.queried(cost.name)), cost) for cost in asked),
            NOTHING if each.delay is None else f"{1000 * each.delay:.2g}",
            *([NOTHING if each.preparing is None else f"{each.preparing:.1f}"] if prepared else []),
            _seeds(each),
            _marks(each),
        )
        for each in found
    )
    return Sheet(
        f"{profile}, defenses",
        3,
        (_note(main, plan.task.main.compare),),
        columns,
        rows,
        frozenset(place for place, each in enumerate(found) if not each.complete),
        below=(
            f"{FRONT} is the Pareto front of means: of its budget no other defense takes at least as much from thieves "
            f"at no more loss of honest users ({heading(loss_card(first))}); rows in italics do not count, since the "
            "best attack was not run against them with all seeds.",
        ),
    )


def _note(main: MetricCard, compare: str) -> str:
    return (
        f"Damage: by how much the attack's {heading(main, compare)}, mean of the test splits, is worse against the "
        "defense than without it; below 0 the defense helped. In brackets Student's 95 % interval, over pairs of one "
        "seed where both ran alike, else Welch's. Taken from thieves: the same from the best attack without the "
        "defense to the best against it. Honest: defended answers against undefended ones, on the test splits and on "
        "what the attacks asked. No one number ranks defenses."
    )


def _damage(damage: Damage | None, card: MetricCard) -> str:
    return told_harm(damage.test if damage is not None else None, card)


def told_harm(test: PairTest | None, card: MetricCard) -> str:
    """Return the harm with its interval in brackets, with as many digits as its error deserves."""
    if test is None:
        return NOTHING
    value, ends = harm(test, card)
    told = f" ({interval(*ends, card, test.error)})" if ends is not None else ""
    return number(value, card, test.error) + told


def _mean(value: Spread | None) -> float | None:
    return value.mean if value is not None else None


def _seeds(each: Defended) -> str:
    """Return how many seeds an attack on it has, or the least and the most."""
    numbers = sorted({len(damage.row.seeds) for damage in each.damages.values()})
    return "–".join(dict.fromkeys((str(numbers[0]), str(numbers[-1]))))


def _marks(each: Defended) -> str:
    return "; ".join(dict.fromkeys(mark for damage in each.damages.values() for mark in damage.row.marks))


def joint_sheet(profile: str, tables: Sequence[Table]) -> Sheet | None:
    """Return the main number of every attack against every defense at the ranked budget; None where none met one."""
    shown = [table for table in tables if table.headline]
    order = [each.table.defense for each in guarded(shown)]
    if not order:
        return None
    cells = {(row.label, table.defense): row for table in shown for row in table.rows if not row.control}
    met = {label for label, defense in cells if defense}
    attacks = [label for label in dict.fromkeys(label for label, _ in cells) if label in met]
    card, compare = main_card(shown[0]), shown[0].records[0].plan.task.main.compare
    rows = tuple((label, *(_cell(cells.get((label, d)), card) for d in ("", *order))) for label in attacks)
    return Sheet(
        f"{profile}, attacks against defenses",
        3,
        (
            f"{heading(card, compare)}, mean of the test splits, at {shown[0].budget} queries: mean ± standard "
            "deviation over seeds. An attack with purify, jitter or augment behind its name adapts to the defense.",
        ),
        (Column("attack", False), Column("none"), *(Column(defense) for defense in order)),
        rows,
    )


def _cell(row: Row | None, card: MetricCard) -> str:
    if row is None:
        return NOTHING
    some = f" (n={len(row.seeds)})" if len(row.seeds) < row.wanted else ""
    return with_std(row.main(), card) + some
