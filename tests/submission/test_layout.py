"""What was added, changed, taken out or linked keeps a folder from being the submission that it was."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gexbench.errors import SubmissionError
from gexbench.submission import layout
from gexbench.submission.layout import SUMS, VERDICT, Submission, is_submission, listing, open_submission, sums_of


def replaced(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\n")


def linked(place: Path, target: Path) -> None:
    if place.exists():
        place.unlink()
    place.symlink_to(target)


def record(folder: Path) -> Path:
    return min((folder / "records").iterdir())


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "a changed record": (lambda it: replaced(record(it)), r"records/\S+\.json was changed: its hash is not that of"),
    "a changed line of code": (lambda it: replaced(it / "plug-ins/mykd/mine.py"), "plug-ins/mykd/mine.py was changed"),
    "a changed checklist": (lambda it: replaced(it / "CHECKLIST.md"), "CHECKLIST.md was changed"),
    "a record more": (lambda it: shutil.copy(record(it), it / "records" / "a.json"), "records/a.json was added"),
    "code more": (lambda it: (it / "plug-ins/mykd/torch.py").touch(), "plug-ins/mykd/torch.py was added"),
    "something else": (lambda it: (it / "notes.txt").touch(), "notes.txt was added"),
    "a hidden file": (lambda it: (it / "records" / ".a").touch(), r"records/\.a was added"),
    "a record less": (lambda it: record(it).unlink(), r"records/\S+ is missing"),
    "a link for a record": (lambda it: linked(record(it), Path("/etc/hostname")), r"records/\S+ is a link"),
    "a link to a folder": (lambda it: linked(it / "plug-ins" / "more", it / "records"), "plug-ins/more is a link"),
    "a link that leads nowhere": (lambda it: linked(it / "records" / "b.json", Path("no")), "records/b.json is a link"),
    "a link for the hashes": (lambda it: linked(it / SUMS, Path("/dev/zero")), "SHA256SUMS is a link"),
    "a link for the verdict": (lambda it: linked(it / VERDICT, Path("/dev/zero")), "VERDICT.json is a link"),
    "a pipe": (lambda it: os.mkfifo(it / "records" / "c.json"), "records/c.json is neither a file nor a folder"),
    "a name with an escape": (lambda it: (it / "records" / "\x1b[2J.json").touch(), r"records/\?\[2J.json has a name"),
    "a name with a line": (lambda it: (it / "records" / "a\nb.json").touch(), "records/a b.json has a name"),
    "a name that looks like another": (lambda it: (it / "records" / "а.json").touch(), "has a name of other than"),
    "a deep folder": (lambda it: (it / "/".join("a" * 14)).mkdir(parents=True), "lies too deep"),
    "no hashes": (lambda it: (it / SUMS).unlink(), "cannot read .*SHA256SUMS"),
    "hashes of a folder": (lambda it: ((it / SUMS).unlink(), (it / SUMS).mkdir()), "cannot read .*SHA256SUMS"),
}


@pytest.mark.parametrize("what", SPOILED)
def test_what_is_not_as_it_was_handed_in_is_refused_in_a_line(submission: Submission, what: str) -> None:
    spoil, told = SPOILED[what]
    spoil(submission.folder)
    with pytest.raises(SubmissionError, match=told) as refused:
        open_submission(submission.folder)
    assert "\n" not in str(refused.value)


EDITED: dict[str, Callable[[str], str]] = {
    "a comment": lambda text: text + "# and more\n",
    "another order": lambda text: "\n".join([text.splitlines()[0], *text.splitlines()[:0:-1]]) + "\n",
    "a line twice": lambda text: text + text.splitlines()[-1] + "\n",
    "other ends of lines": lambda text: text.replace("\n", "\r\n"),
    "no head": lambda text: text.partition("\n")[2],
    "a head of nobody": lambda text: text.replace("alice/mykd-sr", "../alice", 1),
    "letters of another kind": lambda text: text.replace("alice", "аlice", 1),
    "a hash in capitals": lambda text: text.splitlines()[0] + "\n" + text.partition("\n")[2].upper(),
}


@pytest.mark.parametrize("what", EDITED)
def test_a_list_of_hashes_has_one_form(submission: Submission, what: str) -> None:
    file = submission.folder / SUMS
    file.write_bytes(EDITED[what](file.read_text(encoding="utf-8")).encode())
    with pytest.raises(SubmissionError, match="SHA256SUMS"):
        open_submission(submission.folder)


@pytest.mark.parametrize(
    "place", ["verified.txt", "records/a.txt", "records/more/a.json", "plug-ins/a.py", "plug-ins/My/a.py"]
)
def test_what_no_submission_holds_is_refused_though_it_is_listed(submission: Submission, place: str) -> None:
    file = submission.folder / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    (submission.folder / SUMS).write_text(listing(submission.name, sums_of(submission.folder)), encoding="utf-8")
    with pytest.raises(SubmissionError, match=f"{place} is nothing that a submission holds"):
        open_submission(submission.folder)


def test_a_submission_lies_under_its_own_name(submission: Submission) -> None:
    elsewhere = submission.folder.parents[1] / "mallory" / "mykd-sr"
    shutil.copytree(submission.folder, elsewhere)
    with pytest.raises(SubmissionError, match="is the submission alice/mykd-sr, and lies where mallory/mykd-sr would"):
        open_submission(elsewhere)


def test_a_submission_is_no_link_itself(submission: Submission) -> None:
    (submission.folder.parents[1] / "bob").mkdir()
    link = submission.folder.parents[1] / "bob" / "mykd-sr"
    link.symlink_to(submission.folder)
    with pytest.raises(SubmissionError, match="is no folder"):
        open_submission(link)


@pytest.mark.parametrize(("bound", "most"), [("MOST_FILES", 3), ("MOST_BYTES", 1000)])
def test_what_is_too_much_is_not_read(
    submission: Submission, monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    monkeypatch.setattr(layout, bound, most)
    with pytest.raises(SubmissionError, match="holds more than"):
        open_submission(submission.folder)


def test_a_verdict_is_no_part_of_the_digest(submission: Submission) -> None:
    (submission.folder / VERDICT).write_text("{}", encoding="utf-8")
    assert open_submission(submission.folder).digest == submission.digest


def test_a_run_a_plug_in_or_a_board_is_no_submission_and_a_spoiled_one_means_to_be_one(
    submission: Submission, tmp_path: Path
) -> None:
    run, board, spoiled = min((tmp_path / "runs").iterdir()), tmp_path / "boards" / "sr", tmp_path / "a" / "b"
    (run / "plug-ins").mkdir()
    (board / "records").mkdir(parents=True)
    (spoiled / "plug-ins").mkdir(parents=True)
    assert all(map(is_submission, (submission.folder, spoiled)))
    assert not any(map(is_submission, (run, board, tmp_path / "code" / "mykd", tmp_path / "nowhere")))
