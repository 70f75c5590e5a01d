"""Whether a record may stand on a board, looked at alone."""

from __future__ import annotations

import math
from collections.abc import Iterator

from gexbench.cards.board import BoardCard
from gexbench.cards.catalog import Catalog
from gexbench.cards.own import is_foreign
from gexbench.cards.prose import at_profile, differing
from gexbench.cards.schema import AttackCard, Card, DefenseCard, TaskCard
from gexbench.errors import CardError, PlanError
from gexbench.foreign_text import shown
from gexbench.plan import Plan, check_plan
from gexbench.record import HonestCost, RunRecord, Score, faults


def objections(record: RunRecord, board: BoardCard) -> Iterator[str]:
    """Yield why a record can never stand on a board, in words; nothing when it can."""
    plan = record.plan
    if not board.takes(plan.task, plan.profile.name, plan.victim.name):
        first = board.since.get(plan.profile.name, board.newest)
        since = f", at profile {plan.profile.name!r} since {board.of}@{first}" if first < board.newest else ""
        yield f"it is a record of {pinned(plan.task)}; the board {board.name!r} takes {board.taken}{since}"
        return
    if record.status != "ok":
        yield f"its run failed: {shown(record.reason) or 'no reason given'}"
        return
    if is_foreign(plan.victim):
        why = _not_ranked(plan, board)
        if why:
            yield why
            return
    if plan.dataset.is_read_by_others or "dataset" in plan.plug_ins:
        yield f"a reader of its own, {shown(plan.dataset.reader)}, was trusted beside the truth; that is never ranked"
    if "none" in (record.isolation, plan.isolation):
        yield "it was run with --isolation none, unsandboxed in one process, which is never ranked"
    if record.incidents:
        yield "incidents happened during its run: " + "; ".join(map(shown, record.incidents[:5]))
    yield from faults(record)
    yield from _choices(plan)
    yield from _spending(record)
    yield from _setting(record, board)
    yield from _numbers(record)
    if plan.defense is not None and plan.defense.claims and record.ownership is None:
        yield f"its defense {plan.defense.name!r} claims, and it holds no verdict on ownership"


def _not_ranked(plan: Plan, board: BoardCard) -> str:
    """Say why a victim of somebody's own stands on no board, or not on this one; "" where it may."""
    victim = plan.victim
    if "/" not in board.name:
        return f"its victim {victim.name!r} is somebody's own, and boards that ship rank their own victims alone"
    if victim.weights is None or victim.weights.sha256 != plan.victim_weights:
        return f"its victim {victim.name!r} is none that a card pins, as `gexbench new victim` writes one"
    return ""


def _choices(plan: Plan) -> Iterator[str]:
    """Yield what of a plan's cards and options no run would have been given."""
    try:
        check_plan(plan)
    except PlanError as error:
        yield f"its plan is none: {shown(str(error))}"


def _spending(record: RunRecord) -> Iterator[str]:
    plan, account = record.plan, record.account
    scale = plan.task.profile.get(plan.profile.name)
    if scale is None:
        yield f"its task card has no profile {plan.profile.name!r}"
        return
    if plan.budget not in scale.budgets:
        budgets = ", ".join(map(str, scale.budgets))
        yield f"its budget of {plan.budget} is not one of the task's at profile {plan.profile.name!r}: {budgets}"
    if account.budget != plan.budget or account.answered > plan.budget:
        yield f"its ledger says {account.answered} of {account.budget} answered, and its budget is {plan.budget}"
    if not math.isclose(record.cost_usd, account.answered * plan.task.price, rel_tol=1e-6, abs_tol=1e-6):
        yield f"it cost {record.cost_usd:g} USD, and {account.answered} questions at {plan.task.price:g} do not"
    if plan.deadline > scale.deadline:
        yield f"its deadline of {plan.deadline:g} s is longer than the task's {scale.deadline:g} s"


def _setting(record: RunRecord, board: BoardCard) -> Iterator[str]:
    """Yield that victim and data are others than the board's and the profile's."""
    plan = record.plan
    if (scale := plan.task.profile.get(plan.profile.name)) is None:
        return
    wanted = (board.victim or scale.victim, scale.dataset)
    if wanted != (plan.victim.name, plan.dataset.name):
        yield f"its victim and data are not those of profile {plan.profile.name!r}: {wanted[0]!r}, {wanted[1]!r}"


def _numbers(record: RunRecord) -> Iterator[str]:
    plan, main = record.plan, record.plan.task.main
    measured: tuple[Score | HonestCost, ...] = (*record.scores, *record.honest_cost)
    wanted = {*plan.dataset.splits.test}
    strange = sorted({s.test for s in measured} - wanted)
    if strange:
        yield f"it has scores on {', '.join(strange)}, which its data set does not hold"
    if plan.attack.answers == "victim":
        return
    there = {s.test for s in record.scores if s.metric == main.metric and s.compare == main.compare}
    if wanted - there:
        why = shown(record.absent.get(main.metric, "not measured"))
        yield f"it lacks the main score, {main.metric} {main.compare}, on {', '.join(sorted(wanted - there))}: {why}"


def newcomer_objections(record: RunRecord, catalog: Catalog, accepted: bool = False) -> Iterator[str]:
    """Yield why a record may not be added today: an id that is not its plan's, other cards than this gexbench has.

    accepted: whether the record stands on the board; attack and defense may then be of an earlier version than today's,
    and so may the task, if its profile is the same in all that `rules` leaves.
    """
    plan = record.plan
    if record.id not in (plan.id, plan.former_id):
        yield "its id is not the one its plan gives"
    for card in _judged_cards(plan):
        try:
            ours = catalog.get(type(card), card.name)
        except CardError as error:
            yield f"{error}, which it was run with"
            continue
        if accepted and isinstance(card, AttackCard | DefenseCard) and card.version < ours.version:
            continue
        if isinstance(ours, DefenseCard) and plan.task.kind not in ours.task_kinds:
            yield f"its defense {card.name!r} guards no services of the kind {plan.task.kind!r}"
        both = [at_profile(each, plan.profile.name) for each in (ours, card)]
        if accepted and isinstance(card, TaskCard) and card.version < ours.version:
            both = [rules(each, plan.profile.name) for each in both if isinstance(each, TaskCard)]
        keys = differing(*both)
        if keys:
            yield f"its {type(card).__name__} {card.name!r} is not this gexbench's; they differ in {', '.join(keys)}"


def rules(task: TaskCard, profile: str) -> TaskCard:
    """Return a task with one profile and what of it touches the numbers that its metrics measure.

    Left out are the version and the list of metrics: a record that measured more stands beside one that measured less.
    """
    alone = at_profile(task, profile)
    bare = {name: scale.model_copy(update={"extra_metrics": ()}) for name, scale in alone.profile.items()}
    return alone.model_copy(update={"version": 1, "metrics": (), "profile": bare})


def pinned(task: TaskCard) -> str:
    """Return a task's name and version, such as `sr@1`."""
    return f"{task.name}@{task.version}"


def _judged_cards(plan: Plan) -> list[Card]:
    """Return the cards that every gexbench has alike; attacks and defenses with a namespace are their authors'."""
    plugs = [card for card in (plan.attack, plan.defense) if card is not None and "/" not in card.name]
    return [plan.task, plan.profile, plan.victim, plan.dataset, *plan.metrics, *plugs]
