"""What a submission says of its code and records is held against both, without running either."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from record_factory import changed, owned, save

from gexbench.boards.folder import add
from gexbench.errors import CardError, GexbenchError, SubmissionError
from gexbench.record import RunRecord, read_record
from gexbench.submission.layout import SUMS, Submission, listing, sums_of

from .conftest import CARD, Author, write_attack


def handed_in(submission: Submission) -> None:
    """Let the list of hashes say what lies there, as a cheater would."""
    (submission.folder / SUMS).write_text(listing(submission.name, sums_of(submission.folder)), encoding="utf-8")


def rewritten(submission: Submission, change: Callable[[RunRecord], RunRecord]) -> None:
    file = submission.records[0]
    record = change(read_record(file))
    file.unlink()
    file.with_name(f"{record.run_name}.json").write_text(record.model_dump_json(indent=2), encoding="utf-8")
    handed_in(submission)


def test_an_honest_submission_is_of_the_code_beside_it(author: Author, submission: Submission) -> None:
    examined = author.examined(submission)
    assert [record.plan.seed for record in examined.records.values()] in ([0, 1], [1, 0])
    assert {role: plug.digest for role, plug in examined.plug_ins.items()} == {
        ("attack", "alice/mykd"): author.record().plan.plug_ins["attack"]
    }


REWRITTEN: dict[str, tuple[Callable[[RunRecord], RunRecord], str]] = {
    "numbers of an unsealed record": (lambda it: it.model_copy(update={"started": "x"}), "seal does not match"),
    "another run's id": (lambda it: changed(it, "id", "0" * 16), "its id is not the one its plan gives"),
    "a run without a sandbox": (lambda it: changed(it, "isolation", "none"), "run with --isolation none"),
    "a plan without a sandbox": (lambda it: changed(it, "plan.isolation", "none"), "run with --isolation none"),
    "no code": (lambda it: renewed(changed(it, "plan.plug_ins", {})), "its attack was the code of nobody"),
    "other code": (lambda it: renewed(changed(it, "plan.plug_ins", {"attack": "0" * 16})), "was the code 0000000"),
}


def renewed(record: RunRecord) -> RunRecord:
    return changed(record, "id", record.plan.id)


@pytest.mark.parametrize("what", REWRITTEN)
def test_a_record_that_is_not_what_it_says_is_refused(author: Author, submission: Submission, what: str) -> None:
    change, told = REWRITTEN[what]
    rewritten(submission, change)
    with pytest.raises(SubmissionError, match=told):
        author.examined(submission)


def test_a_record_is_called_as_its_run(author: Author, submission: Submission) -> None:
    submission.records[0].rename(submission.records[0].with_name("verified.json"))
    handed_in(submission)
    with pytest.raises(SubmissionError, match="and so not called"):
        author.examined(submission)


def test_code_that_was_exchanged_with_its_hash_is_not_what_was_run(author: Author, submission: Submission) -> None:
    (submission.folder / "plug-ins/mykd/mine.py").write_text("import os\n", encoding="utf-8")
    handed_in(submission)
    with pytest.raises(SubmissionError, match=r"its attack was the code \w{16}, and in mykd lies"):
        author.examined(submission)


def test_a_record_of_the_packages_own_attack_names_no_code(author: Author) -> None:
    made = author.submit(save(author.records.make(), author.place / "runs"))
    rewritten(made, lambda it: renewed(changed(it, "plan.plug_ins", {"attack": "0" * 16})))
    with pytest.raises(SubmissionError, match="is no plug-in, and it names the code of one"):
        author.examined(made)


ADDED: dict[str, tuple[str, str, str]] = {
    "compiled code": ("plug-ins/mykd/__pycache__/mine.cpython-311.pyc", "x", "no part of the plug-in's code"),
    "version control": ("plug-ins/mykd/.git/config", "x", "no part of the plug-in's code"),
    "a plug-in of no record": ("plug-ins/idle/card.toml", CARD.format(name="alice/idle"), "no record is of the attack"),
    "a plug-in twice": ("plug-ins/again/card.toml", CARD.format(name="alice/mykd"), "is there twice"),
    "another's plug-in": ("plug-ins/other/card.toml", CARD.format(name="bob/other"), "is not alice's"),
    "one without a name space": ("plug-ins/other/card.toml", CARD.format(name="srresnet"), "needs a namespace"),
    "code without a card": ("plug-ins/other/mine.py", "class Mine: ...", "holds no card.toml"),
    "a card of another kind": ("plug-ins/other/card.toml", "[task]\nname = 'alice/x'", r"holds \[attack\] or"),
    "cards of a folder": ("plug-ins/other/attacks/x.toml", CARD.format(name="alice/x"), "holds no card.toml"),
    "a broken card": ("plug-ins/other/card.toml", "\x1b[31m", "is not valid TOML"),
    "a control": (
        "plug-ins/other/card.toml",
        CARD.format(name="alice/x").replace("[attack]", '[attack]\nkind = "control"\nneeds = ["weights"]', 1),
        "is a control",
    ),
    "what is too large for code": ("plug-ins/mykd/big.bin", "0" * ((1 << 20) + 1), "more than 1 MiB"),
}


@pytest.mark.parametrize("what", ADDED)
def test_code_that_no_record_is_of_is_refused(author: Author, submission: Submission, what: str) -> None:
    place, text, told = ADDED[what]
    file = submission.folder / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    handed_in(submission)
    with pytest.raises(GexbenchError, match=told) as refused:
        author.examined(submission)
    assert isinstance(refused.value, SubmissionError | CardError)
    assert "\x1b" not in str(refused.value)


def test_code_is_never_imported(author: Author, submission: Submission, tmp_path: Path) -> None:
    trap = f"open({str(tmp_path / 'sprung')!r}, 'w')\n"
    for name in ("mine.py", "__init__.py", "conftest.py", "torch.py", "sitecustomize.py"):
        (author.folder / name).write_text(trap, encoding="utf-8")
    author.examined(author.submit(author.run(), name="traps"))
    assert not (tmp_path / "sprung").exists()


def test_records_are_held_against_those_of_the_boards(author: Author, submission: Submission) -> None:
    add([author.run(29.0)], author.boards, author.records.catalog)
    with pytest.raises(SubmissionError, match="an accepted record is never changed"):
        author.examined(submission)


def test_records_that_are_on_a_board_already_are_no_fault(author: Author, submission: Submission) -> None:
    add(list(submission.records), author.boards, author.records.catalog)
    assert len(author.examined(submission).records) == 2


def test_a_submission_without_a_record_is_none(author: Author, submission: Submission) -> None:
    for file in submission.records:
        file.unlink()
    handed_in(submission)
    with pytest.raises(SubmissionError, match="holds no record"):
        author.examined(submission)


def test_a_claim_that_does_not_follow_from_its_scores_is_refused(author: Author) -> None:
    run = owned(author.records.make(defense="mark"), 40.0, [1.0, 2.0])
    made = author.submit(save(run, author.place / "runs"))
    verdict = run.ownership
    assert verdict is not None
    rewritten(made, lambda it: changed(it, "ownership", verdict.model_copy(update={"detected": not verdict.detected})))
    with pytest.raises(SubmissionError, match="is not a gexbench record"):
        author.examined(made)


def test_every_refused_record_is_named(author: Author, submission: Submission) -> None:
    for file in submission.records:
        file.write_text(changed(read_record(file), "isolation", "none").model_dump_json(), encoding="utf-8")
    handed_in(submission)
    with pytest.raises(SubmissionError) as refused:
        author.examined(submission)
    assert all(file.name in str(refused.value) for file in submission.records)


def test_an_attack_with_gexbenchs_own_code_brings_none(author: Author, tmp_path: Path) -> None:
    folder = write_attack(tmp_path / "thin", "alice/thin")
    card = (folder / "card.toml").read_text(encoding="utf-8")
    (folder / "card.toml").write_text(card.replace("mine:Mine", "gexbench.attacks.srresnet:A"), encoding="utf-8")
    thin = Author(author.records, author.place, folder, "alice/thin")
    run = save(renewed(changed(thin.record(), "plan.plug_ins", {})), author.place / "runs")
    assert author.examined(thin.submit(run)).plug_ins["attack", "alice/thin"].digest == ""
