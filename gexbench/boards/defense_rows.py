"""Defenses and ownership as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gexbench.boards.defended import Defended, damages, guarded, harm, main_card
from gexbench.boards.owned import Owned, owned
from gexbench.boards.pair_tests import PairTest
from gexbench.boards.rank import Table
from gexbench.boards.row import Row
from gexbench.boards.spread import Spread
from gexbench.ownership import interval


def damage_rows(tables: Sequence[Table]) -> Iterator[dict[str, Any]]:
    """Yield every attack on a profile's defended victims; difference: defended minus undefended."""
    for d in damages(tables):
        ends = d.test.interval() if d.test is not None else None
        yield {
            "profile": d.table.profile,
            "budget": d.table.budget,
            "attack": d.row.label,
            "defense": d.table.defense,
            "undefended": d.free.mean if d.free else None,
            "defended": d.defended.mean,
            "difference": d.test.value if d.test is not None else None,
            "ci_low": ends[0] if ends is not None else None,
            "ci_high": ends[1] if ends is not None else None,
            "test": d.test.way if d.test is not None else None,
            "n": list(d.test.n) if d.test is not None else None,
            "honest": _costs(d.row)["honest"],
        }


def front_rows(tables: Sequence[Table]) -> Iterator[dict[str, Any]]:
    """Yield a profile's defenses; taken: by how much the best attack is worse, above 0 where it is."""
    for each in guarded(tables):
        value, ends = _harm(each, each.stolen)
        yield {
            "profile": each.table.profile,
            "budget": each.table.budget,
            "defense": each.table.defense,
            "taken": value,
            "ci_low": ends[0] if ends is not None else None,
            "ci_high": ends[1] if ends is not None else None,
            **_costs(each.attacked),
            "ms_an_answer": None if each.delay is None else 1000 * each.delay,
            "complete": each.complete,
            "front": each.front,
        }


def ownership_rows(tables: Sequence[Table]) -> Iterator[dict[str, Any]]:
    """Yield what a profile's defenses conclude of each row's surrogates."""
    for each in owned(tables):
        main = each.row.main()
        yield {
            "profile": each.table.profile,
            "budget": each.table.budget,
            "defense": each.table.defense,
            "attack": each.row.label,
            "control": each.row.control,
            **_rates(each),
            "level": each.level,
            "certificate": each.certificate,
            "auc": each.auc,
            "largest_p": each.largest_p,
            "sane": each.sane,
            "main": main.mean if main is not None else None,
            "honest": _costs(each.row)["honest"],
            "records": [record.id for record in each.row.records],
        }


def _rates(each: Owned) -> dict[str, Any]:
    alarms, innocents = each.alarms
    return {
        "found": each.hits,
        "n": each.n,
        "found_ci": interval(each.hits, each.n),
        "false_alarms": alarms,
        "innocents": innocents,
        "false_alarms_ci": interval(alarms, innocents),
    }


def _harm(each: Defended, test: PairTest | None) -> tuple[float | None, tuple[float, float] | None]:
    return harm(test, main_card(each.table)) if test is not None else (None, None)


def _costs(row: Row) -> dict[str, dict[str, float]]:
    """Return the mean cost to honest users by metric, on the test splits and on what attacks asked."""
    names = row.records[0].plan.task.costs
    return {
        "honest": {name: cost.mean for name in names if isinstance(cost := row.honest(name), Spread)},
        "on_queries": {name: cost.mean for name in names if isinstance(cost := row.queried(name), Spread)},
    }
