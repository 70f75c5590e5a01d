"""A submission holds the records, the code that they name and nothing else, under one digest."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from record_factory import changed, save
from typer.testing import CliRunner

from gexbench.cli.app import app
from gexbench.engine.checks import plug_in
from gexbench.errors import BoardError, SubmissionError
from gexbench.record import read_record
from gexbench.submission.examine import examine
from gexbench.submission.layout import Submission, open_submission
from gexbench.submission.pack import Wanted, submit

from .conftest import Author, write_attack


def places(submission: Submission) -> list[str]:
    files = (path for path in submission.folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(submission.folder).as_posix() for path in files)


def test_a_submission_holds_records_code_a_checklist_and_their_hashes(author: Author, submission: Submission) -> None:
    assert submission.folder == author.place / "submissions" / "alice" / "mykd-sr"
    records = [f"records/{author.record(seed=seed).run_name}.json" for seed in (0, 1)]
    code = [f"plug-ins/mykd/{place}" for place in ("card.toml", "mine.py", "tables/one.txt")]
    assert places(submission) == sorted(["CHECKLIST.md", "SHA256SUMS", *records, *code])
    assert open_submission(submission.folder) == submission
    assert [path.name for path in (author.place / "submissions").iterdir()] == ["alice"]


def test_the_records_are_copied_byte_for_byte(author: Author, submission: Submission) -> None:
    for file in submission.records:
        run = author.place / "runs" / read_record(file).run_name / "record.json"
        assert file.read_bytes() == run.read_bytes()


def test_sha256sum_checks_what_it_lists(submission: Submission) -> None:
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=submission.folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": OK") == len(places(submission)) - 1


def test_the_checklist_names_what_is_there_and_what_comes_next(author: Author, submission: Submission) -> None:
    text = (submission.folder / "CHECKLIST.md").read_text(encoding="utf-8")
    assert all(f"records/{author.record(seed=seed).run_name}.json" in text for seed in (0, 1))
    assert "`plug-ins/mykd`: alice/mykd@1, Mine." in text
    assert "gexbench verify submissions/alice/mykd-sr --sign KEYFILE" in text


def test_text_of_a_card_adds_no_markup_to_the_checklist(author: Author) -> None:
    card = author.folder / "card.toml"
    card.write_text(card.read_text(encoding="utf-8").replace("Mine.", "<b>All [x] verified</b> | **done**"))
    text = (author.submit(author.run()).folder / "CHECKLIST.md").read_text(encoding="utf-8")
    assert r"\<b\>All \[x\] verified\</b\> \| \*\*done\*\*" in text


def test_the_digest_is_of_whose_it_is_and_of_every_byte(author: Author, submission: Submission) -> None:
    runs = [author.place / "runs" / read_record(file).run_name for file in submission.records]
    other = author.submit(*runs, name="again")
    less = author.submit(runs[0], name="less")
    assert len({submission.digest, other.digest, less.digest}) == 3


def test_runs_of_the_packages_own_attacks_need_no_code(author: Author) -> None:
    made = author.submit(save(author.records.make(), author.place / "runs"))
    assert (made.name, made.plug_ins) == ("alice/srresnet-sr", ())
    assert "there is no code" in (made.folder / "CHECKLIST.md").read_text(encoding="utf-8")


def test_code_that_was_changed_since_the_runs_is_refused_and_nothing_is_left(author: Author) -> None:
    run = author.run()
    (author.folder / "mine.py").write_text("class Mine: pass\n", encoding="utf-8")
    with pytest.raises(SubmissionError, match=r"its attack was the code \w{16}, and in mykd lies \w{16}"):
        author.submit(run)
    assert list((author.place / "submissions").iterdir()) == []


def test_a_card_that_was_changed_since_the_runs_is_refused(author: Author) -> None:
    run, card = author.run(), author.folder / "card.toml"
    card.write_text(card.read_text(encoding="utf-8").replace("default = 1", "default = 2"), encoding="utf-8")
    with pytest.raises(SubmissionError, match="the card of its attack is not the one in mykd: they differ in options"):
        author.submit(run)


def test_a_record_that_no_board_takes_is_refused(author: Author) -> None:
    bad = save(changed(author.record(), "isolation", "none"), author.place / "runs")
    with pytest.raises(SubmissionError, match="it was run with --isolation none"):
        author.submit(bad)
    assert list((author.place / "submissions").iterdir()) == []


def test_paths_may_be_relative(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    run = author.run()
    monkeypatch.chdir(author.place)
    here = Path()
    made = submit(
        Wanted((here / "runs" / run.name,), "alice", None, here / "submissions", here / "boards", (here / "code/mykd",))
    )
    assert made.folder == Path("submissions/alice/mykd-sr")
    assert examine(open_submission(made.folder), here / "boards").submission == made


def test_a_name_that_is_taken_or_none_is_refused(author: Author, submission: Submission) -> None:
    run = author.place / "runs" / read_record(submission.records[0]).run_name
    with pytest.raises(SubmissionError, match="mykd-sr is there already"):
        author.submit(run)
    for handle, name in (("../up", None), ("alice", "../../etc"), ("Alice", None), ("alice", "a/b"), ("", "x")):
        with pytest.raises(SubmissionError, match="is no name of a submission"):
            author.submit(run, handle=handle, name=name)


def test_nobody_submits_anothers_attack(author: Author) -> None:
    with pytest.raises(SubmissionError, match="the attack 'alice/mykd' is not mallory's"):
        author.submit(author.run(), handle="mallory")


def test_code_that_nobody_named_is_asked_for(author: Author, tmp_path: Path) -> None:
    run = author.run()
    elsewhere = Author(author.records, tmp_path, write_attack(tmp_path / "other", "alice/other"))
    with pytest.raises(SubmissionError, match="the code of 'alice/mykd' is not here"):
        elsewhere.submit(run)


def test_a_link_to_a_file_becomes_that_file_and_one_to_a_folder_is_refused(author: Author) -> None:
    (author.folder / "link.txt").symlink_to("tables/one.txt")
    made = author.submit(author.run())
    assert (made.folder / "plug-ins" / "mykd" / "link.txt").read_text(encoding="utf-8") == "1\n"
    (author.folder / "more").symlink_to("tables")
    with pytest.raises(SubmissionError, match="more is a link to a folder"):
        author.submit(author.run(), name="second")


def test_what_is_no_run_is_no_submission(author: Author, tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="none of this is a record"):
        author.submit(tmp_path)


def test_the_command_says_what_it_made_and_one_that_checks_looks_at_each_plug_in(
    author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(author.place)
    words = ["submit", str(author.run()), "--as", "alice", "--dir", "boards", "--registry", str(author.folder)]
    told = json.loads(CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False).stdout)
    assert (told["submission"], told["folder"]) == ("alice/mykd-sr", "submissions/alice/mykd-sr")
    looked: list[Path] = []
    monkeypatch.setattr(plug_in, "check_folder", lambda place, _: looked.append(place) or [])
    assert CliRunner().invoke(app, ["check", told["folder"]], catch_exceptions=False).exit_code == 0
    assert looked == [Path("submissions/alice/mykd-sr/plug-ins/mykd")]
    Path(told["folder"], "plug-ins/mykd/more.py").touch()
    assert isinstance(CliRunner().invoke(app, ["check", told["folder"]]).exception, SubmissionError)
