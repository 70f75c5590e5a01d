"""`gexbench study`: from a run's folder to pages, and from answers to a report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from study_factory import lines_of, write
from typer.testing import CliRunner

import gexbench
from gexbench.cli.app import app
from gexbench.study.design import Wish
from gexbench.study.key import read_key

SEED = "a secret of the tests"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two runs of one task."""
    out = tmp_path_factory.mktemp("runs")
    for seed in (0, 1):
        gexbench.run("sr", "bicubic", out=out, seed=seed)
    return out


def invoke(*words: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["study", *map(str, words)])
    error = f"{type(done.exception).__name__}: {done.exception}" if done.exception else ""
    return done.exit_code, done.stdout, error


def test_a_study_goes_from_a_run_to_a_report_by_commands_alone(runs: Path, tmp_path: Path) -> None:
    run, study = sorted(runs.glob("sr-bicubic-*"))[0], tmp_path / "study"
    made = invoke("make", run, "--to", study, "--images", "4", "--raters", "6", "--seed", SEED, "--json")
    assert made[0] == 0, made
    told = json.loads(made[1])
    key, name = read_key(study)
    assert told["study"] == name
    assert [side.model for side in key.sides] == ["victim", "surrogate"]
    assert (study / "raters.csv").read_text(encoding="utf-8").count("page-1.html") == 3
    wish, files = Wish(4, 6, SEED), []
    for place, code in enumerate(rater for group in key.groups for rater in group.raters):
        lines = lines_of(code, key, name, lambda item, at=place: item.wanted or 2 + (len(item.id) + at) % 2, wish)
        lines[1 + place][4] = lines[1 + place][4] if len(lines[1 + place][4]) > 1 else "3"
        files.append(write(tmp_path / f"{code}.csv", lines))
    code, text, error = invoke("report", study, *files, "--to", tmp_path / "report.html")
    assert code == 0, error
    assert "margin, set beforehand" in text
    assert "victim of sr-bicubic" in text
    assert "<svg" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert json.loads(invoke("report", study, *files, "--json")[1])["study"] == name


def test_two_runs_are_the_arms_and_need_one_task(runs: Path, tmp_path: Path) -> None:
    one, other = sorted(runs.glob("sr-bicubic-*"))
    assert invoke("make", one, other, "--to", tmp_path / "study", "--images", "4")[0] == 0
    key, _ = read_key(tmp_path / "study")
    assert [side.run for side in key.sides] == [one.name, other.name]
    assert {side.model for side in key.sides} == {"surrogate"}


def refused(*words: str | Path) -> str:
    code, _, error = invoke(*words)
    assert code in (1, 2, 4, 5)
    assert error.partition(":")[0] in ("StudyError", "BoardError", "DataMissing", "OutputError")
    assert "\n" not in error
    return error


def test_what_is_no_study_is_refused_in_a_line(runs: Path, tmp_path: Path) -> None:
    run = sorted(runs.glob("sr-bicubic-*"))[0]
    to = ("--to", tmp_path / "study")
    assert "margin" in refused("make", run, *to, "--margin", "0")
    assert "margin" in refused("make", run, *to, "--margin", "nan")
    assert "question" in refused("make", run, *to, "--question", "a\nb")
    assert "1000 rated images" in refused("make", run, *to, "--images", "1000")
    assert "cannot read the record" in refused("make", tmp_path / "none", *to)
    assert "not empty" in refused("make", run, "--to", runs)
    assert not (tmp_path / "study").exists()
    assert "cannot read the key" in refused("report", tmp_path, tmp_path / "answers.csv")


def test_a_run_that_kept_nothing_is_refused(tmp_path: Path) -> None:
    record = gexbench.run("sr", "bicubic", out=tmp_path / "runs", keep=False)
    assert "no evidence was kept" in refused("make", tmp_path / "runs" / record.plan.run_name, "--to", tmp_path / "s")
