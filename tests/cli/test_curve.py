"""`gexbench curve`: which runs it starts, what it leaves, and what it says of runs that fail."""

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
from gexbench.errors import AssetMissing, GexbenchError
from gexbench.plan import Plan
from gexbench.record import RunRecord

from .test_bad_input import expect_refusal, gexbench

SR = ("--task", "sr", "--attack", "srresnet")


@pytest.fixture
def started(records: Records, monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """Let runs end at once, better with more data, seed 1 at budget 50 without success; returns those started."""
    plans: list[Plan] = []

    def run(plan: Plan, catalog: object, out: Path, tick: Callable[[str, int, int], None], keep: bool) -> RunRecord:
        plans.append(plan)
        record = record_of(plan, b=20.0 + plan.budget / 20 + plan.seed)
        if (plan.budget, plan.seed) == (50, 1):
            record = changed(changed(record, "scores", ()), "reason", "the loss is nan [/x]")
            return changed(record, "status", "failed")
        return record

    monkeypatch.setattr(bench, "run_plan", run)
    return plans


def invoke(*words: str) -> Result:
    result = CliRunner().invoke(app, ["curve", *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def places(plans: list[Plan]) -> list[tuple[int, int]]:
    return [(plan.budget, plan.seed) for plan in plans]


def test_the_budgets_of_the_card_and_the_seeds_of_the_profile_are_run(started: list[Plan]) -> None:
    invoke(*SR)
    assert places(started) == [(50, 0), (50, 1), (50, 2), (100, 0), (100, 1), (100, 2)]


def test_budgets_and_seeds_can_be_chosen(started: list[Plan]) -> None:
    assert invoke(*SR, "--budgets", "25%, 30,100%,100", "--seeds", "1").exit_code == 0
    assert places(started) == [(25, 0), (30, 0), (100, 0)]


@pytest.mark.parametrize(("seeds", "wanted"), [("2", [0, 1]), ("1-2", [1, 2]), ("0,4", [0, 4]), ("all", [0, 1, 2])])
def test_seeds_are_how_many_or_which(started: list[Plan], seeds: str, wanted: list[int]) -> None:
    invoke(*SR, "--budgets", "100%", "--seeds", seeds)
    assert [plan.seed for plan in started] == wanted


@pytest.mark.parametrize("seeds", ["0", "a", "3-1", "1000000"])
def test_seeds_that_are_none_are_refused(started: list[Plan], seeds: str) -> None:
    with pytest.raises(GexbenchError, match="seeds"):
        invoke(*SR, "--seeds", seeds)
    assert started == []


@pytest.mark.parametrize("command", [("curve", *SR), ("cross", *SR[:2], "--victims", "net", "--attacks", "srresnet")])
def test_every_run_is_run_as_gexbench_run_would(
    command: tuple[str, ...], records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    met = []

    def run(plan: Plan, catalog: object, out: Path, tick: object, keep: bool) -> RunRecord:
        met.append((plan.isolation, plan.device, plan.deadline, keep))
        return record_of(plan)

    monkeypatch.setattr(bench, "run_plan", run)
    words = ("--isolation", "none", "--device", "cpu", "--deadline", "7", "--no-keep", "--seeds", "1")
    CliRunner().invoke(app, [*command, *words], catch_exceptions=False)
    assert set(met) == {("none", "cpu", 7.0, False)}


def test_options_reach_every_run(started: list[Plan]) -> None:
    with pytest.raises(GexbenchError, match="no option 'stepz'"):
        invoke(*SR, "--set", "stepz=7")
    invoke(*SR, "--set", "steps=7", "--seeds", "1")
    assert [plan.options["steps"] for plan in started] == [7] * 2


@pytest.mark.usefixtures("started")
def test_picture_and_csv_go_beside_the_runs_or_where_told() -> None:
    invoke(*SR, "--seeds", "1")
    invoke(*SR, "--seeds", "1", "--to", "elsewhere")
    for folder in ("runs", "elsewhere"):
        names = sorted(path.name for path in Path(folder).iterdir())
        assert names == ["sr-srresnet-mini-curve.csv", "sr-srresnet-mini-curve.png"]
    for name in names:
        assert Path("runs", name).read_bytes() == Path("elsewhere", name).read_bytes()


@pytest.mark.usefixtures("started")
def test_the_table_shows_mean_and_spread() -> None:
    shown = invoke(*SR).stdout
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in shown.splitlines() if "│" in line]
    assert rows[0] == ["50", "50", "2", "23.5 ± 1.4", "22.5 ± 1.4", "25.00", "24.00"]
    assert rows[1][:4] == ["100", "100", "3", "26.0 ± 1.0"]
    assert "srresnet on sr@1 · mini · victim net · 2 to 3 seeds" in shown


@pytest.mark.usefixtures("started")
def test_a_failed_run_is_named_and_the_exit_code_is_3() -> None:
    result = invoke(*SR)
    assert result.exit_code == 3
    assert "failed    sr-srresnet-mini-b50-s1-" in result.stdout
    assert "the loss is nan [/x]" in result.stdout
    assert Path("runs/sr-srresnet-mini-curve.png").exists()


@pytest.mark.usefixtures("started")
def test_where_every_run_fails_nothing_is_drawn(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = changed(changed(records.make(), "scores", ()), "status", "failed")
    monkeypatch.setattr(bench, "run_plan", lambda plan, catalog, out, tick, keep: lost)
    result = invoke(*SR, "--seeds", "1", "--budgets", "100", "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["picture"] is None
    assert not Path("runs").exists()


@pytest.mark.usefixtures("started")
def test_with_json_there_is_one_document() -> None:
    result = invoke(*SR, "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 3
    assert (document["task"], document["attack"], document["victim"]) == ("sr@1", "srresnet", "net")
    first = document["means"][0]
    assert (first["budget"], first["compare"], first["test"], first["mean"], first["n"]) == (50, "B", "set5", 23.5, 2)
    assert [(f["budget"], f["seed"]) for f in document["failed"]] == [(50, 1)]
    assert len(document["points"]) == 5 * 12
    assert document["csv"] == "runs/sr-srresnet-mini-curve.csv"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--budgets", "25%,200"), "--budget 200"),
        (("--budgets", " , "), "names no budget"),
        (("--attack", "x"), "no att"),
    ],
)
def test_bad_input_is_refused_before_any_run(started: list[Plan], words: tuple[str, ...], reason: str) -> None:
    with pytest.raises(GexbenchError, match=reason):
        invoke(*SR, *words)
    assert started == []
    assert list(Path().iterdir()) == []


def test_a_defense_stands_in_plans_title_and_names_of_files(started: list[Plan]) -> None:
    words = ("--seeds", "1", "--defense", "jpeg", "--set-defense", "quality=10", "--json")
    told = json.loads(invoke(*SR, *words).stdout)
    assert [plan.defense_options for plan in started] == [{"quality": 10}] * 2
    assert (told["defense"], told["csv"]) == (
        "jpeg (quality=10)",
        "runs/sr-srresnet-jpeg-quality=10-mini-curve.csv",
    )
    assert "srresnet on sr@1 against jpeg (quality=10) · mini" in invoke(*SR, *words[:-1]).stdout


@pytest.mark.usefixtures("started")
def test_a_curve_of_another_victim_has_files_of_its_own(records: Records) -> None:
    net = (records.folder / "victims" / "net.toml").read_text()
    (records.folder / "victims" / "other.toml").write_text(net.replace('"net"', '"other"'))
    told = json.loads(invoke(*SR, "--seeds", "1", "--victim", "other", "--json").stdout)
    assert (told["victim"], told["csv"]) == ("other", "runs/sr-srresnet-other-mini-curve.csv")
    assert invoke(*SR, "--seeds", "1", "--dataset", "photos").exit_code == 0
    assert Path("runs/sr-srresnet-mini-curve.csv").exists()


def test_cards_come_from_folders_that_are_named_and_from_submissions(started: list[Plan], submission: Path) -> None:
    invoke("--task", "sr", "--attack", str(submission), "--seeds", "1")
    invoke("--task", "sr", "--attack", "me/mine", "--registry", str(submission), "--seeds", "1")
    assert [plan.attack.name for plan in started] == ["me/mine"] * 4


def test_a_run_that_the_machine_stops_leaves_a_gap(started: list[Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    well = bench.run_plan

    def run(plan: Plan, *rest: Any) -> RunRecord:
        if plan.budget == 100:
            raise AssetMissing("no weights", "fetch them")
        return well(plan, *rest)

    monkeypatch.setattr(bench, "run_plan", run)
    result = invoke(*SR, "--seeds", "1")
    assert result.exit_code == 3
    assert "no weights (fetch them)" in result.stdout
    assert places(started) == [(50, 0)]


@pytest.mark.usefixtures("started")
def test_where_the_machine_stops_every_run_its_error_is_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object) -> RunRecord:
        raise AssetMissing("no weights", "fetch them")

    monkeypatch.setattr(bench, "run_plan", run)
    with pytest.raises(AssetMissing, match="no weights"):
        invoke(*SR)


@pytest.mark.slow
def test_a_curve_of_real_runs_is_drawn_again_from_what_is_there(tmp_path: Path) -> None:
    words = ("curve", "--task", "sr", "--attack", "bicubic", "--seeds", "1", "--budgets", "100%", "--json")
    first = gexbench(*words, "--out", str(tmp_path))
    assert first.returncode == 0, first.stderr
    (record,) = tmp_path.glob("*/record.json")
    files = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (record, *tmp_path.glob("*-curve.*"))}
    assert len(files) == 3
    second = gexbench(*words, "--out", str(tmp_path))
    assert second.stdout == first.stdout
    assert record.stat().st_mtime_ns == files[record][1]
    assert all(path.read_bytes() == content for path, (content, _) in files.items())


def test_a_task_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    expect_refusal(gexbench("curve", "--task", "srr", "--attack", "bicubic", cwd=tmp_path), 2, "did you mean sr?")
    assert list(tmp_path.iterdir()) == []
