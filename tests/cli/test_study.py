"""`gexbench study`: from a run's folder to pages, and from answers to a report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from own_images import fill
from study_factory import lines_of, write
from typer.testing import CliRunner

from gexbench.cli.app import app
from gexbench.study.key import read_key

SEED = "a secret of the tests"
CARDS = ("--registry", "cards")
RUN = ("run", "--task", "me/up", "--attack", "bicubic", *CARDS)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder with a task on pairs and runs of its control: two seeds, one of which kept nothing."""
    place = tmp_path_factory.mktemp("place")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEXBENCH_HOME", str(place / "home"))
        patch.delenv("GEXBENCH_DATA", raising=False)
        patch.chdir(place)
        fill(place / "p/input", 40, 16)
        fill(place / "p/target", 40, 64)
        pairs = ("--layout", "paired", "--from", "p", "--scale", "4", "--side", "16")
        for words in (
            ("new", "dataset", "me/p", *pairs),
            ("new", "task", "me/up", "--dataset", "me/p"),
            (*RUN, "--out", "runs"),
            (
                "run",
                "--task",
                "me/up",
                "--attack",
                "bicubic",
                "--registry",
                "cards",
                "--out",
                "other",
                "--defense",
                "jpeg",
            ),
            (*RUN, "--out", "bare", "--no-keep"),
        ):
            done = CliRunner().invoke(app, words, catch_exceptions=False)
            assert done.exit_code == 0, done.output
        yield place


def run_in(folder: Path) -> Path:
    return next(path for path in folder.iterdir() if path.is_dir())


def invoke(*words: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["study", *map(str, words)])
    error = f"{type(done.exception).__name__}: {done.exception}" if done.exception else ""
    return done.exit_code, done.stdout, error


def test_a_study_goes_from_a_run_to_a_report_by_commands_alone(place: Path, tmp_path: Path) -> None:
    run, study = run_in(place / "runs"), tmp_path / "study"
    made = invoke("make", run, "--to", study, "--images", "4", "--raters", "6", "--seed", SEED, "--json", *CARDS)
    assert made[0] == 0, made
    told = json.loads(made[1])
    key, name = read_key(study)
    assert told["study"] == name
    assert [side.model for side in key.sides] == ["victim", "surrogate"]
    assert (study / "raters.csv").read_text(encoding="utf-8").count("page-1.html") == 3
    files = []
    for place, code in enumerate(rater for group in key.groups for rater in group.raters):
        lines = lines_of(code, key, name, lambda item, at=place: item.wanted or 2 + (len(item.id) + at) % 2)
        lines[1 + place][4] = lines[1 + place][4] if len(lines[1 + place][4]) > 1 else "3"
        files.append(write(tmp_path / f"{code}.csv", lines))
    assert "page 2 has 0 raters to count, and 2 are the least" in refused("report", study, files[0], files[1])
    code, text, error = invoke("report", study, *files, "--to", tmp_path / "report.html")
    assert code == 0, error
    assert "margin, set beforehand" in text
    assert "victim of me-up-bicubic" in text or "victim of me" in text
    assert "<svg" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert json.loads(invoke("report", study, *files, "--json")[1])["study"] == name


def test_two_runs_are_the_arms_and_need_one_task(place: Path, tmp_path: Path) -> None:
    one, other = run_in(place / "runs"), run_in(place / "other")
    assert invoke("make", one, other, "--to", tmp_path / "study", "--images", "4", *CARDS)[0] == 0
    key, _ = read_key(tmp_path / "study")
    assert [side.run for side in key.sides] == [one.name, other.name]
    assert {side.model for side in key.sides} == {"surrogate"}


def refused(*words: str | Path) -> str:
    code, _, error = invoke(*words)
    assert code in (1, 2, 4, 5)
    assert error.partition(":")[0] in ("StudyError", "BoardError", "DataMissing", "OutputError")
    assert "\n" not in error
    return error


def test_what_is_no_study_is_refused_in_a_line(place: Path, tmp_path: Path) -> None:
    run = run_in(place / "runs")
    to = ("--to", tmp_path / "study", *CARDS)
    assert "margin" in refused("make", run, *to, "--margin", "0")
    assert "margin" in refused("make", run, *to, "--margin", "nan")
    assert "question" in refused("make", run, *to, "--question", "a\nb")
    assert "1000 rated images" in refused("make", run, *to, "--images", "1000")
    assert "cannot read the record" in refused("make", tmp_path / "none", *to)
    assert "not empty" in refused("make", run, "--to", place, "--images", "4", *CARDS)
    assert not (tmp_path / "study").exists()
    assert "cannot read the key" in refused("report", tmp_path, tmp_path / "answers.csv")


def test_a_run_that_kept_nothing_is_refused(place: Path, tmp_path: Path) -> None:
    assert "no evidence was kept" in refused("make", run_in(place / "bare"), "--to", tmp_path / "s", *CARDS)


def test_runs_of_two_tasks_are_no_study(place: Path, tmp_path: Path) -> None:
    words = ("run", "--task", "sr", "--attack", "bicubic", "--out", str(tmp_path / "runs"))
    assert CliRunner().invoke(app, words).exit_code == 0
    both = run_in(place / "runs"), run_in(tmp_path / "runs")
    assert "did not answer the same images" in refused("make", *both, "--to", tmp_path / "s", *CARDS)
