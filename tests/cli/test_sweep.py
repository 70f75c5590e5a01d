"""`gexbench sweep`: lists from words or a file, what it will take, a line a run, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from record_factory import Records, changed, record_of, save, stand_in
from typer.testing import CliRunner, Result

from gexbench import bench, studies
from gexbench.cli.app import app
from gexbench.cli.sweep_table import Standing, watched
from gexbench.errors import AssetMissing, GexbenchError, PlanError
from gexbench.plan import Plan
from gexbench.record import RunRecord
from gexbench.sweeps import forecast
from gexbench.sweeps.campaign import Campaign
from gexbench.sweeps.forecast import Timings
from gexbench.sweeps.work import Ended, Work, serially

TWO = ("--tasks", "sr", "--attacks", "srresnet,bicubic")


@pytest.fixture(autouse=True)
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Records:
    monkeypatch.setattr(forecast, "published_root", lambda: tmp_path / "boards")
    return stand_in(tmp_path, monkeypatch)


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """Let runs end at once with a record, those of copycat without success and of `victim` with no record."""
    plans: list[Plan] = []

    def run(plan: Plan, catalog: object, out: Path, tick: object, keep: bool) -> RunRecord:
        plans.append(plan)
        if plan.attack.name == "victim":
            raise AssetMissing("no weights", "fetch them")
        record = record_of(plan, b=float("inf") if plan.seed == 9 else 30.0)
        if plan.attack.name == "copycat":
            record = changed(changed(record, "scores", ()), "reason", "the loss is nan [/x]")
            record = changed(record, "status", "failed")
        save(record, out)
        return record

    monkeypatch.setattr(bench, "run_plan", run)
    return plans


def invoke(*words: str) -> Result:
    result = CliRunner().invoke(app, ["sweep", *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_words_and_a_file_say_the_same(started: list[Plan], tmp_path: Path) -> None:
    words = ("--defenses", "none,jpeg", "--seeds", "0-1", "--budgets", "50%", "--set", "steps=1", "--set", "steps=2")
    invoke(*TWO, *words, "--set-defense", "quality=7", "--exclude", "attack=bicubic,seed=1", "--out", "a")
    (tmp_path / "s.toml").write_text("""
        tasks = ["sr"]
        attacks = ["srresnet", "bicubic"]
        defenses = ["none", "jpeg"]
        seeds = [0, 1]
        budgets = ["50%"]
        options = { steps = [1, 2] }
        defense_options = { quality = 7 }
        exclude = [{ attack = "bicubic", seed = 1 }]
    """)
    half = len(started)
    invoke(str(tmp_path / "s.toml"), "--out", "b")
    assert half == 10
    assert started[:half] == started[half:]


def test_a_json_line_stands_for_each_run_and_the_same_command_goes_on(started: list[Plan]) -> None:
    told = lines(invoke(*TWO, "--seeds", "0", "--json"))
    assert [(line["attack"], line["status"], line["earlier"]) for line in told] == [
        ("srresnet", "ok", False), ("bicubic", "ok", False),
    ]  # fmt: skip
    assert told[0]["scores"] == {"A": 29.5, "B": 29.5, "C": 24.5}
    assert Path(told[0]["record"]).is_file()
    again = lines(invoke(*TWO, "--seeds", "0-1", "--json"))
    assert [(line["seed"], line["earlier"]) for line in again] == [(0, True), (0, True), (1, False), (1, False)]
    assert len(started) == 4


def test_a_line_is_json_whatever_the_score(started: list[Plan]) -> None:
    told = lines(invoke("--tasks", "sr", "--attacks", "srresnet", "--seeds", "9", "--json"))
    assert told[0]["scores"]["B"] == "Infinity"


def test_failed_runs_are_tried_again_listed_and_end_with_3(started: list[Plan]) -> None:
    result = invoke("--tasks", "sr", "--attacks", "copycat,srresnet,victim", "--retries", "2")
    assert result.exit_code == 3
    assert [plan.attack.name for plan in started].count("copycat") == 3
    assert "done      1 of 3 runs" in result.stdout
    assert "the loss is nan [/x]" in result.stdout
    assert "no weights (fetch them)" in result.stdout


def test_where_the_machine_lets_none_begin_its_error_is_the_end() -> None:
    with pytest.raises(AssetMissing, match="no weights"):
        invoke("--tasks", "sr", "--attacks", "victim")


def test_a_dry_run_says_what_is_left_and_runs_nothing(started: list[Plan], tmp_path: Path, records: Records) -> None:
    done = changed(record_of(records.plan()), "seconds", {"extract": 3600.0})
    save(done, Path("runs"))
    told = json.loads(invoke(*TWO, "--seeds", "0-2", "--dry-run", "--json").stdout)["forecast"]
    assert (told["runs"], told["done"], told["untimed"], told["hours"], told["usd"]) == (6, 1, 3, 2.0, 2.0)
    text = invoke(*TWO, "--seeds", "0-2", "--dry-run", "--executor", "local", "--jobs", "2").stdout
    assert "runs      6, of which 1 are done" in text
    assert "time      60 min with 2 at once; 2 runs are timed, 2 by runs here" in text
    assert "no record tells how long 3 runs take" in text
    assert "queries   2.00 USD" in text
    assert started == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "--tasks is missing"),
        (("--tasks", "sr"), "--attacks is missing"),
        ((*TWO, "--jobs", "2"), "--jobs is for runs at once"),
        ((*TWO, "--address", "x"), "--address is for the executor 'ray', not for 'serial'"),
        ((*TWO, "--slurm", "a=1"), "--slurm is for the executor 'slurm'"),
        ((*TWO, "--slurm", "a"), "--slurm 'a' is not key=value"),
        ((*TWO, "--set", "steps"), "--set 'steps' is not key=value"),
        ((*TWO, "--exclude", "bicubic"), "--exclude 'bicubic' is not key=value"),
        ((*TWO, "--seeds", "x"), "seeds 'x'"),
        (("x.toml", "--seeds", "1"), "--seeds cannot be given beside a file"),
        (("x.toml",), "cannot read the sweep x.toml"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(
    started: list[Plan], words: tuple[str, ...], message: str
) -> None:
    with pytest.raises(GexbenchError, match=message):
        invoke(*words)
    assert started == []


@pytest.mark.parametrize(("name", "module"), [("ray", "ray"), ("slurm", "submitit")])
def test_an_executor_without_its_package_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, name: str, module: str
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda wanted: None)
    with pytest.raises(PlanError, match=f"needs the package {module}") as refused:
        invoke(*TWO, "--executor", name)
    assert f"gexbench[{name}]" in refused.value.hint


def test_python_gives_a_row_a_number_and_one_for_a_run_without() -> None:
    ticks: list[tuple[int, int]] = []
    table = studies.sweep(
        tasks="sr",
        attacks=["srresnet", "copycat", "victim"],
        seeds=range(2).stop,
        retries=0,
        progress=lambda what, done, total: ticks.append((done, total)),
    )
    assert ticks == [(1, 3), (2, 3), (3, 3)]
    assert len(table.query("attack == 'srresnet'")) == 12
    failed = table[table.status == "failed"]
    assert dict(zip(failed.attack, failed.reason, strict=True)) == {
        "copycat": "the loss is nan [/x]",
        "victim": "no weights (fetch them)",
    }


def test_python_refuses_lists_beside_a_file_and_names_that_are_none() -> None:
    with pytest.raises(PlanError, match="tasks was given beside a file"):
        studies.sweep("x.toml", tasks="sr")
    with pytest.raises(PlanError, match="atacks: unknown key") as refused:
        studies.sweep(tasks="sr", atacks="srresnet")
    assert "attacks" in refused.value.hint


def test_what_is_left_is_told_by_what_was_expected_and_what_it_came_to() -> None:
    standing = Standing({"a": 10.0, "b": 10.0, "c": 20.0, "d": None}, width=2)
    assert standing.seconds_left() is None
    standing.take(Ended("d", AssetMissing("x"), 1.0))
    assert standing.seconds_left() == 20.0
    standing.take(Ended("a", ok(), 20.0))
    assert (standing.done, standing.failed, standing.left) == (1, 1, 2)
    assert standing.seconds_left() == 30.0
    row = [column._cells[0] for column in standing.table().columns]
    assert row[:5] == ["4", "1", "2", "1", "0"]


def ok() -> Any:
    return type("Fine", (), {"status": "ok"})()


def test_on_a_terminal_a_table_stands_below_the_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], records: Records
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    plans = [records.plan(seed=seed) for seed in range(2)]
    campaign = Campaign(Work(records.catalog, Path("out")), serially)
    assert watched(plans, campaign, Timings([]), 1, as_json=False) == 0
    shown = capsys.readouterr().err
    assert f"done    {plans[1].run_name}  psnr-y  A 29.5  B 29.5  C 24.5" in shown
    assert "waiting" in shown
