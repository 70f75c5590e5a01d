"""A run is scored again from what it kept, without being run."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

import gexbench
from gexbench.cards.catalog import Catalog
from gexbench.cli.app import app
from gexbench.engine.run.kept_evidence import NAME
from gexbench.engine.run.rescore import lacking, rescored
from gexbench.record import RunRecord, read_record

TASK, ATTACK = "sr", "bicubic"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs")
    return out / gexbench.run(TASK, ATTACK, out=out, defense="jpeg").plan.run_name


def without(record: RunRecord, metric: str) -> RunRecord:
    """Return a record as of a machine on which a metric could not be measured."""
    return record.model_copy(
        update={
            "scores": tuple(score for score in record.scores if score.metric != metric),
            "honest_cost": tuple(cost for cost in record.honest_cost if cost.metric != metric),
            "absent": {**record.absent, metric: "its weights are not here"},
        }
    ).sealed()


def test_every_number_comes_out_again_to_the_bit(folder: Path) -> None:
    record = read_record(folder / "record.json")
    bare = record.model_copy(update={"scores": (), "honest_cost": (), "queried_cost": ()})
    again = rescored(bare, Catalog.load(), folder, lambda *_: None, record.plan.measured)
    assert again.scores == record.scores
    assert again.honest_cost == record.honest_cost
    assert again.queried_cost == record.queried_cost


def test_verify_rescores_without_a_run_and_finds_an_edited_score(folder: Path, tmp_path: Path) -> None:
    words = ["verify", str(folder), "--rescore", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert (done.exit_code, done.stdout.splitlines()[-1].split(": ")[1]) == (0, "agrees")
    assert not (tmp_path / "out").exists()
    record, file = read_record(folder / "record.json"), tmp_path / "record.json"
    first, *others = record.scores
    edited = record.model_copy(update={"scores": (first.model_copy(update={"value": first.value + 1}), *others)})
    file.write_text(edited.sealed().model_dump_json(), encoding="utf-8")
    (tmp_path / NAME).write_bytes((folder / NAME).read_bytes())
    assert CliRunner().invoke(app, ["verify", str(file), "--rescore"]).exit_code == 3


def test_a_finished_run_measures_what_it_could_not_and_keeps_its_first_record(folder: Path) -> None:
    whole = read_record(folder / "record.json")
    less = without(whole, "ssim-y")
    assert lacking(less) == (*lacking(whole), "ssim-y")
    (folder / "record.json").write_text(less.model_dump_json(), encoding="utf-8")
    again = gexbench.run(TASK, ATTACK, out=folder.parent, defense="jpeg")
    assert {score.metric for score in again.scores} == {score.metric for score in whole.scores}
    assert (again.started, again.account, set(again.absent)) == (whole.started, whole.account, set(whole.absent))
    assert read_record(folder / "record.before-1.json") == less
    assert read_record(folder / "record.json") == again


def test_fresh_starts_anew_and_loses_nothing_and_no_keep_keeps_no_answers(folder: Path, tmp_path: Path) -> None:
    words = ["run", "--task", TASK, "--attack", ATTACK, "--out", str(tmp_path)]
    first = CliRunner().invoke(app, [*words, "--no-keep"], catch_exceptions=False)
    assert first.exit_code == 0
    (run,) = tmp_path.iterdir()
    assert not (run / NAME).exists()
    shown = CliRunner().invoke(app, words, catch_exceptions=False)
    assert "finished  on " in shown.stdout
    again = CliRunner().invoke(app, [*words, "--fresh"], catch_exceptions=False)
    assert "finished  on " not in again.stdout
    assert {path.name for path in tmp_path.iterdir()} == {run.name, f"{run.name}.before-1"}
    assert (run / NAME).exists()
