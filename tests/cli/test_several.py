"""`gexbench run` with lists: which runs it starts, and the table of what came of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from record_factory import Records, changed, record_of
from typer.testing import CliRunner, Result

from gexbench import bench
from gexbench.cli.app import app
from gexbench.cli.several import numbers
from gexbench.errors import GexbenchError, PlanError
from gexbench.plan import Plan
from gexbench.record import RunRecord

pytestmark = pytest.mark.usefixtures("records")
TWO = ("--task", "sr", "--attack", "srresnet,copycat")


@pytest.fixture
def started(records: Records, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Plan, bool]]:
    """Let runs end at once, copycat's second one without success; returns the plans started, and what was kept."""
    plans: list[tuple[Plan, bool]] = []

    def run(plan: Plan, catalog: object, out: Path, tick: Callable[[str, int, int], None], keep: bool) -> RunRecord:
        plans.append((plan, keep))
        record = record_of(plan, b=30.0 + plan.seed)
        if (plan.attack.name, plan.seed) == ("copycat", 1):
            record = changed(changed(record, "scores", ()), "reason", "the loss is nan [/x]")
            return changed(record, "status", "failed")
        return record

    monkeypatch.setattr(bench, "run_plan", run)
    return plans


def invoke(*words: str) -> Result:
    result = CliRunner().invoke(app, ["run", *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_every_combination_is_run_once(started: list[tuple[Plan, bool]]) -> None:
    invoke(*TWO, "--defense", "none,jpeg", "--seeds", "0-2,1")
    found = [(plan.attack.name, plan.defense.name if plan.defense else None, plan.seed) for plan, _ in started]
    assert found == [(a, d, s) for a in ("srresnet", "copycat") for d in (None, "jpeg") for s in range(3)]


def test_budgets_may_be_listed_and_answers_thrown_away(started: list[tuple[Plan, bool]]) -> None:
    invoke("--task", "sr", "--attack", "srresnet", "--budget", "50%,100", "--no-keep")
    assert [(plan.budget, keep) for plan, keep in started] == [(50, False), (100, False)]


def test_a_defense_is_met_at_all_its_strengths_and_the_table_tells_them_apart(
    started: list[tuple[Plan, bool]],
) -> None:
    result = invoke("--task", "sr", "--attack", "srresnet", "--defense", "none,jpeg", "--strengths")
    assert [plan.defense_options.get("quality") for plan, _ in started] == [None, 90, 75, 10]
    assert "jpeg (quality=10)" in result.stdout


def test_one_seed_of_a_list_is_a_list(started: list[tuple[Plan, bool]]) -> None:
    told = json.loads(invoke("--task", "sr", "--attack", "srresnet", "--seeds", "2", "--json").stdout)
    assert [plan.seed for plan, _ in started] == [2]
    assert [record["plan"]["seed"] for record in told["records"]] == [2]


def test_a_failed_run_is_named_and_the_others_go_on(started: list[tuple[Plan, bool]]) -> None:
    result = invoke(*TWO, "--seeds", "0-1")
    assert (result.exit_code, len(started)) == (3, 4)
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line]
    assert [(row[1], row[4], row[7]) for row in rows] == [
        ("srresnet", "0", "29.5"), ("srresnet", "1", "30.5"), ("copycat", "0", "29.5"), ("copycat", "1", ""),
    ]  # fmt: skip
    assert "the loss is nan [/x]" in result.stdout


def test_json_is_one_document_of_records_and_failures(started: list[tuple[Plan, bool]]) -> None:
    told = json.loads(invoke(*TWO, "--seeds", "0,1", "--json").stdout)
    assert len(told["records"]) == 3
    assert [failed["reason"] for failed in told["failed"]] == ["the loss is nan [/x]"]


@pytest.mark.parametrize(
    ("text", "found"), [("0-3", [0, 1, 2, 3]), ("4, 2,4", [4, 2]), ("all", "all"), (" 7 ", [7]), ("1-1,0", [1, 0])]
)
def test_seeds_are_numbers_and_ranges(text: str, found: Any) -> None:
    assert numbers(text) == found


@pytest.mark.parametrize("text", ["", ",", "a", "3-1", "-1", "0-", "0-1000000", "1.5", "0 - 4"])
def test_other_seeds_are_refused(text: str) -> None:
    with pytest.raises(PlanError, match="seeds"):
        numbers(text)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*TWO, "--seeds", "0-1", "--seed", "3"), "--seed and --seeds were given"),
        ((*TWO, "--fresh"), "--fresh starts one run anew"),
        (("--task", "sr", "--attack", ","), "--attack ',' names none"),
        ((*TWO, "--defense", "jpg,none"), "no defense named 'jpg'"),
        ((*TWO, "--strengths"), "--strengths are a defense's, and none was named"),
        (("--plan", "x.json", "--seeds", "0-1"), "--seeds cannot be given beside --plan"),
    ],
)
def test_bad_lists_are_refused_before_anything_runs(
    started: list[tuple[Plan, bool]], words: tuple[str, ...], message: str
) -> None:
    with pytest.raises(GexbenchError, match=message):
        invoke(*words)
    assert started == []
