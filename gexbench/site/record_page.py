"""The page of a record: what was run, what came of it, on what machine, and the command that repeats it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

from gexbench.boards.agree import passports
from gexbench.boards.label import attack_label, defense_label
from gexbench.boards.rank import Board, Table
from gexbench.boards.row import metric_card
from gexbench.boards.sections import COMPARES
from gexbench.boards.sheet import NOTHING, Column, Sheet, heading, number
from gexbench.cards.schema import Card
from gexbench.foreign_text import shown
from gexbench.plan import Plan
from gexbench.record import HonestCost, RunRecord, Score
from gexbench.site.addresses import (
    board_page,
    card_page,
    eval_results,
    picture,
    record_data,
    record_page,
    row_anchor,
    table_page,
)
from gexbench.site.render import Grid, render
from gexbench.site.rows import clean

Facts = list[tuple[str, str]]


def record_html(board: Board, table: Table, record: RunRecord, has_picture: bool) -> str:
    """Return the page of a record."""
    plan = record.plan
    against = f" against {defense_label(plan)}" if plan.defense else ""
    label = attack_label(plan)
    return render(
        "record.html",
        record_page(record),
        title=shown(f"{label} on {board.card.of}@{plan.task.version}{against}, seed {plan.seed}"),
        board=board,
        up=board_page(board),
        row=f"{table_page(board, table)}#{row_anchor(label)}",
        record=record,
        verified=record.seal in board.verified,
        data=record_data(record),
        results=eval_results(record),
        picture=picture(record) if has_picture else "",
        recipe=_recipe(plan),
        options=_told({**plan.options, **{f"defense: {key}": value for key, value in plan.defense_options.items()}}),
        scores=_scores(record),
        costs=_costs(record),
        account=_account(record),
        timings=[(stage, f"{seconds:.1f} s") for stage, seconds in record.seconds.items()]
        + [(f"memory of {who}", f"{size / (1 << 20):.0f} MiB") for who, size in record.peak_memory_bytes.items()],
        environment=_environment(record),
        ownership=_ownership(record),
        nearness=[(test, _near(near.distance, near.questions)) for test, near in record.nearness.items()],
        told=_told(record.attack_report),
        absent=[(name, shown(why)) for name, why in record.absent.items()],
        passports=_passports(record),
        commands=commands(board, record),
    )


def commands(board: Board, record: RunRecord) -> list[str]:
    """Return the command that makes this run again, and the one that checks the record."""
    plan, asked = record.plan, record.plan.request()
    words = ["--task", asked.task, "--attack", asked.attack]
    words += ["--defense", asked.defense] if asked.defense else []
    words += ["--victim", plan.victim.name] if plan.victim.name != plan.scale.victim else []
    words += ["--dataset", plan.dataset.name] if plan.dataset.name != plan.scale.dataset else []
    words += ["--profile", asked.profile, "--budget", str(plan.budget), "--seed", str(asked.seed)]
    words += [word for setting in asked.settings for word in ("--set", setting)]
    words += [word for setting in asked.defense_settings for word in ("--set-defense", setting)]
    file = f"leaderboards/{board.card.name}/records/{record.run_name}.json"
    return [shown(f"gexbench run {shlex.join(words)}", 4000), shown(f"gexbench verify {shlex.join([file])}", 4000)]


def _recipe(plan: Plan) -> list[tuple[str, str, str]]:
    """Return what was run: what it is, its name and version, and the page of its card if there is one."""
    named: dict[str, Card] = {"attack": plan.attack, "victim": plan.victim, "data set": plan.dataset}
    named |= {"defense": plan.defense} if plan.defense else {}
    lines = [(what, f"{card.name}@{card.version}", card_page(card)) for what, card in named.items()]
    plain = {
        "task": f"{plan.task.name}@{plan.task.version}",
        "profile": plan.profile.name,
        "budget": f"{plan.budget} answers",
        "seed": str(plan.seed),
        "deadline": f"{plan.deadline:g} s",
        "victim's weights": plan.victim_weights,
        "data set's file list": plan.dataset_pins,
        "code": plan.code,
    }
    return lines + [(what, text, "") for what, text in plain.items()]


def _told(values: Mapping[str, object]) -> Facts:
    return [(shown(str(key)), shown(_value(value))) for key, value in values.items()]


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _scores(record: RunRecord) -> Grid:
    """Return every number of a run: a line a metric and test split, a column a comparison, errors over test images."""
    compares = [each for each in COMPARES if any(s.compare == each for s in record.scores)]
    lines = dict.fromkeys((s.metric, s.test) for s in record.scores)
    found = {(s.metric, s.test, s.compare): s for s in record.scores}
    columns = (
        Column("metric", False),
        Column("test", False),
        *(Column(COMPARES[each]) for each in compares),
        Column("images"),
        Column("floor", spare=1),
    )
    rows = []
    for metric, test in lines:
        scores = [found.get((metric, test, each)) for each in compares]
        known = [score for score in scores if score is not None]
        floor = next((score.floor.value for score in known if score.floor), None)
        card = metric_card(record, metric)
        rows.append(
            (
                heading(card),
                test,
                *(_score(record, score) for score in scores),
                str(max(score.n for score in known)),
                number(floor, card),
            )
        )
    return Grid(clean(Sheet("Scores", 2, columns=columns, rows=tuple(rows))))


def _score(record: RunRecord, score: Score | None) -> str:
    if score is None:
        return NOTHING
    card = metric_card(record, score.metric)
    error = f" (SE {number(score.se, card, score.se)})" if score.se else ""
    return number(score.value, card, score.se) + error


def _costs(record: RunRecord) -> Grid | None:
    costs: Iterable[HonestCost] = (*record.honest_cost, *record.queried_cost)
    rows = tuple(
        (
            heading(metric_card(record, cost.metric)),
            cost.test,
            number(cost.value, metric_card(record, cost.metric)),
            str(cost.n),
        )
        for cost in costs
    )
    columns = (Column("metric", False), Column("on", False), Column("defended against undefended"), Column("images"))
    return Grid(clean(Sheet("What the defense costs who asks", 2, columns=columns, rows=rows))) if rows else None


def _account(record: RunRecord) -> Facts:
    account = record.account
    return [
        ("budget", str(account.budget)),
        ("asked", str(account.asked)),
        ("answered and paid", str(account.answered)),
        ("replayed", str(account.replayed)),
        ("refused", str(account.refused)),
        ("attempts", str(account.sessions)),
        ("cost", f"{record.cost_usd:.2f} USD"),
    ]


def _environment(record: RunRecord) -> Facts:
    made = record.provenance
    dirty = "unknown" if made.dirty is None else ("yes" if made.dirty else "no")
    lines = {
        "isolation": record.isolation,
        "gexbench": made.package,
        "commit": made.git or NOTHING,
        "uncommitted changes": dirty,
        "code": made.code,
        "Python": made.python,
        **made.libraries,
        "platform": made.platform,
        "processor": made.processor,
        "device": made.device,
        "precision": made.precision,
        "threads": str(made.threads),
        "surrogate, SHA-256": record.surrogate_sha256 or NOTHING,
        "kept answers, SHA-256": record.evidence_sha256 or NOTHING,
        "defense's key, SHA-256": record.key_sha256 or NOTHING,
        "seal": record.seal,
    }
    return [(key, shown(value)) for key, value in lines.items() if value != NOTHING]


def _ownership(record: RunRecord) -> Facts:
    found = record.ownership
    if found is None:
        return []
    lines = {
        "verdict": "found" if found.detected else "not found",
        "score": f"{found.suspect.score:.4g}",
        "threshold": NOTHING if found.threshold is None else f"{found.threshold:.4g}",
        "exact p": NOTHING if found.suspect.p is None else f"{found.suspect.p:.3g}",
        "rank among innocents, p": NOTHING if found.rank_p is None else f"{found.rank_p:.3g}",
        "innocents": str(len(found.innocents)),
        "false alarms": str(found.false_alarms),
        "marked answers found, plain ones not": "yes" if found.sane else "no",
        "note": found.note or NOTHING,
    }
    return [(key, shown(value)) for key, value in lines.items() if value != NOTHING]


def _near(distance: float | None, questions: int) -> str:
    if distance is None:
        return "nothing to compare"
    return f"least distance {distance:.3g} (under 1 is near); {questions} questions near"


def _passports(record: RunRecord) -> Grid:
    titles = ("metric", "implementation", "settings", "preprocessing", "precision", "weights")
    rows = tuple(
        (
            f"{name}@{each.version}",
            each.implementation,
            ", ".join(f"{key}={value}" for key, value in sorted(each.settings.items())) or NOTHING,
            each.preprocessing,
            each.precision,
            ", ".join(f"{key} {value[:12]}" for key, value in sorted(each.weights.items())) or NOTHING,
        )
        for name, each in sorted(passports(record).items())
    )
    return Grid(clean(Sheet("Passports", 2, columns=tuple(Column(title, False) for title in titles), rows=rows)))
