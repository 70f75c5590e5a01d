"""A sample of a submission is run again beside the records of its board, and signed for where all agrees."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from record_factory import save
from typer.testing import CliRunner

from gexbench.boards.folder import add
from gexbench.cli.app import app
from gexbench.errors import BoardError, SubmissionError
from gexbench.record import read_record
from gexbench.submission import rerun
from gexbench.submission.layout import VERDICT, Submission
from gexbench.submission.rerun import Sampling, verify_submission
from gexbench.verification import Outcome, Verdict

from .conftest import Author


@dataclass
class Runs:
    """What stands in for second runs: it remembers what it was asked for, and answers as it is told."""

    outcome: Callable[[int], Outcome] = lambda seed: "agrees"
    seeds: list[int] = field(default_factory=list)
    beside: list[set[str]] = field(default_factory=list)
    outs: list[Path] = field(default_factory=list)
    folders: list[tuple[Path, ...]] = field(default_factory=list)

    def __call__(self, path: Path, out: Path, folders: tuple[Path, ...], progress: object) -> Verdict:
        record = read_record(path)
        self.seeds.append(record.plan.seed)
        self.beside.append({file.name for file in path.parent.glob("*.json")})
        self.outs.append(out)
        self.folders.append(folders)
        found = self.outcome(record.plan.seed)
        return Verdict(record=record.id, seal=record.seal, outcome=found, changed=(), differences=())


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Let nothing be run, on a machine with a sandbox."""
    made = Runs()
    monkeypatch.setattr(rerun, "verify_record", made)
    monkeypatch.setattr("gexbench.engine.run.isolation.chosen", lambda wanted: "landlock")
    return made


@pytest.fixture
def sampling(author: Author) -> Sampling:
    return Sampling(author.boards, author.place / "again")


def silent(what: str, done: int, total: int) -> None: ...


def test_one_record_is_run_again_and_the_same_one_each_time(
    submission: Submission, sampling: Sampling, runs: Runs
) -> None:
    for _ in range(3):
        done = verify_submission(submission.folder, sampling, silent)
    assert (len(done.verdicts), done.records, done.outcome, done.signed) == (1, 2, "agrees", None)
    assert len(set(runs.seeds)) == 1
    assert len(set(runs.outs)) == 3


def test_as_many_are_run_as_are_asked_for_and_all_where_that_is_more(
    submission: Submission, sampling: Sampling, runs: Runs
) -> None:
    verify_submission(submission.folder, replace(sampling, count=2), silent)
    verify_submission(submission.folder, replace(sampling, count=9), silent)
    assert sorted(runs.seeds[:2]) == sorted(runs.seeds[2:]) == [0, 1]


def test_what_is_run_is_the_submissions_own_code(submission: Submission, sampling: Sampling, runs: Runs) -> None:
    verify_submission(submission.folder, sampling, silent)
    assert runs.folders == [(submission.folder / "plug-ins" / "mykd",)]


def test_a_record_is_run_beside_its_row_and_its_board_and_not_beside_other_rows_of_the_submission(
    author: Author, sampling: Sampling, runs: Runs
) -> None:
    (on_board,) = add(
        [save(author.records.make(), author.place / "runs")], author.boards, author.records.catalog
    ).written
    row = [author.run(27.0 + seed, seed=seed) for seed in range(3)]
    others = [author.run(20.0, seed=seed, settings=("steps=9",)) for seed in range(3)]
    made = author.submit(*row, *others)
    verify_submission(made.folder, replace(sampling, count=6), silent)
    rows = {frozenset(f"{run.name}.json" for run in each) for each in (row, others)}
    assert {frozenset(beside - {on_board.name}) for beside in runs.beside} == rows
    assert all(on_board.name in beside for beside in runs.beside)


def test_a_verdict_is_signed_where_all_agrees(
    author: Author, submission: Submission, sampling: Sampling, runs: Runs, key: Path
) -> None:
    done = verify_submission(submission.folder, replace(sampling, key=key, count=2), silent)
    assert done.signed == submission.folder / VERDICT
    held = json.loads(done.signed.read_text(encoding="utf-8"))
    assert set(held["verified"]) == {read_record(file).seal for file in submission.records}
    assert verify_submission(submission.folder, replace(sampling, key=key), silent).signed == done.signed


@pytest.mark.parametrize("outcome", ["differs", "cannot be compared"])
def test_nothing_is_signed_where_one_does_not_agree(
    submission: Submission, sampling: Sampling, runs: Runs, key: Path, outcome: Outcome
) -> None:
    runs.outcome = lambda seed: outcome if seed else "agrees"
    done = verify_submission(submission.folder, replace(sampling, key=key, count=2), silent)
    assert (done.outcome, done.signed) == (outcome, None)
    assert not (submission.folder / VERDICT).exists()


def test_nothing_is_run_of_what_was_changed_or_has_a_forged_verdict(
    submission: Submission, sampling: Sampling, runs: Runs
) -> None:
    (submission.folder / VERDICT).write_text("{}", encoding="utf-8")
    with pytest.raises(SubmissionError, match="is no verdict"):
        verify_submission(submission.folder, sampling, silent)
    (submission.folder / VERDICT).unlink()
    (submission.folder / "CHECKLIST.md").write_text("verified", encoding="utf-8")
    with pytest.raises(SubmissionError, match="was changed"):
        verify_submission(submission.folder, sampling, silent)
    assert runs.seeds == []


def test_what_is_changed_while_it_is_run_is_not_signed(
    submission: Submission, sampling: Sampling, runs: Runs, key: Path
) -> None:
    def change(seed: int) -> Outcome:
        (submission.folder / "plug-ins" / "mykd" / "mine.py").write_text("", encoding="utf-8")
        return "agrees"

    runs.outcome = change
    with pytest.raises(SubmissionError, match="was changed"):
        verify_submission(submission.folder, replace(sampling, key=key), silent)
    assert not (submission.folder / VERDICT).exists()


def test_a_key_that_is_no_maintainers_signs_nothing_and_nothing_is_run(
    author: Author, submission: Submission, sampling: Sampling, runs: Runs, key: Path
) -> None:
    (author.boards / "MAINTAINERS").write_text("", encoding="utf-8")
    with pytest.raises(BoardError, match="does not name the key"):
        verify_submission(submission.folder, replace(sampling, key=key), silent)
    assert runs.seeds == []


def test_foreign_code_is_not_run_where_there_is_no_sandbox(
    author: Author, submission: Submission, sampling: Sampling, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = author.submit(save(author.records.make(), author.place / "runs"))
    monkeypatch.setattr("gexbench.engine.run.isolation.chosen", lambda wanted: "process")
    with pytest.raises(SubmissionError, match="brings code, and this system has no sandbox"):
        verify_submission(submission.folder, sampling, silent)
    assert runs.seeds == []
    assert verify_submission(own.folder, sampling, silent).outcome == "agrees"


def test_a_scale_that_no_record_has_is_refused(submission: Submission, sampling: Sampling, runs: Runs) -> None:
    verify_submission(submission.folder, replace(sampling, profile="mini"), silent)
    with pytest.raises(SubmissionError, match="has no record at profile 'paper'"):
        verify_submission(submission.folder, replace(sampling, profile="paper"), silent)


@pytest.mark.parametrize(("outcome", "code"), [("agrees", 0), ("differs", 3), ("cannot be compared", 4)])
def test_the_command_ends_as_for_a_single_record(
    author: Author, submission: Submission, runs: Runs, key: Path, outcome: Outcome, code: int
) -> None:
    runs.outcome = lambda seed: outcome
    words = ["verify", str(submission.folder), "--dir", str(author.boards), "--sign", str(key)]
    done = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
    told = json.loads(done.stdout)
    assert (done.exit_code, told["outcome"], len(told["verdicts"])) == (code, outcome, 1)
    assert (told["submission"], told["digest"]) == ("alice/mykd-sr", submission.digest)
    assert (told["signed"] is not None) == (outcome == "agrees")
    text = CliRunner().invoke(app, words, catch_exceptions=False).stdout
    assert f"1 of 2 records run again: {outcome}" in text


@pytest.mark.parametrize("more", [["--rescore"], ["--victim", "x"], ["--backend", "reference"]])
def test_what_is_for_single_records_is_refused(submission: Submission, runs: Runs, more: list[str]) -> None:
    done = CliRunner().invoke(app, ["verify", str(submission.folder), *more])
    assert "are for single records" in str(done.exception)
