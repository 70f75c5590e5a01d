"""A verdict is believed of one submission, from a maintainer's key, and of the records that were drawn."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from record_factory import save

from gexbench.boards.verified import MAINTAINERS, Maintainer, maintainer_of
from gexbench.errors import SubmissionError
from gexbench.submission.layout import VERDICT, Submission
from gexbench.submission.verdict import SubmissionVerdict, draw, draw_statement, in_order, read_verdict, signed

from .conftest import Author, key_of


def sign(author: Author, submission: Submission, key: Path, count: int = 1, profile: str | None = None) -> Path:
    """Write the verdict of a maintainer who ran the first records of the draw again."""
    examined, by = author.examined(submission), maintainer_of(key, author.boards)
    drawn = draw(submission.digest, by)
    chosen = in_order(examined.records.values(), drawn, profile)[:count]
    file = submission.folder / VERDICT
    file.write_bytes(signed(examined, drawn, profile, [record.seal for record in chosen], by))
    return file


def read(author: Author, submission: Submission) -> SubmissionVerdict | None:
    return read_verdict(author.examined(submission))


def test_a_verdict_names_its_submission_and_the_records_that_were_run(
    author: Author, submission: Submission, key: Path
) -> None:
    assert read(author, submission) is None
    for count in (1, 2):
        sign(author, submission, key, count)
        found = read(author, submission)
        assert found is not None
        assert (found.submission, found.digest, found.by) == ("alice/mykd-sr", submission.digest, "zoe")
        assert len(found.verified) == count


def edited(**changes: Any) -> Callable[[dict[str, Any], Maintainer], dict[str, Any]]:
    return lambda held, _: {**held, **changes}


def signed_anew(change: Callable[[dict[str, Any], Maintainer], dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Let a maintainer sign what was edited: what is wrong with it is then wrong all the same."""

    def make(held: dict[str, Any], by: Maintainer) -> dict[str, Any]:
        bare = SubmissionVerdict.model_validate(change(held, by))
        return {**change(held, by), "signature": by.sign(bare.statement())}

    return make


def other_records(held: dict[str, Any], by: Maintainer) -> dict[str, Any]:
    return {**held, "verified": {seal: by.sign_seal(seal) for seal in ["0" * 64]}}


def kept_signature(held: dict[str, Any], _: Maintainer) -> dict[str, Any]:
    return {**held, "verified": dict.fromkeys(held["verified"], held["signature"])}


FORGED: dict[str, tuple[Callable[[dict[str, Any], Maintainer], dict[str, Any]], str]] = {
    "another name": (edited(by="mallory"), "MAINTAINERS names no 'mallory'"),
    "an edited digest": (edited(digest="0" * 64), "'zoe' has not signed this verdict"),
    "an edited name": (edited(submission="mallory/mykd-sr"), "'zoe' has not signed this verdict"),
    "an edited scale": (edited(profile="paper"), "'zoe' has not signed this verdict"),
    "an edited draw": (edited(draw="AAAA"), "'zoe' has not signed this verdict"),
    "more records": (other_records, "'zoe' has not signed this verdict"),
    "no signature": (edited(signature="="), "'zoe' has not signed this verdict"),
    "a digest signed anew": (signed_anew(edited(digest="0" * 64)), "it is a verdict on other files: digest 00000"),
    "a name signed anew": (signed_anew(edited(submission="bob/x")), "it is a verdict on bob/x, not on alice/mykd-sr"),
    "a draw signed anew": (signed_anew(edited(draw="AAAA")), "its draw is none of this submission"),
    "records signed anew": (signed_anew(other_records), "it names other records than those that were drawn"),
    "a scale signed anew": (signed_anew(edited(profile="paper")), "it names other records than those that were"),
    "another signature for a record": (signed_anew(kept_signature), "'zoe' has not signed for every record"),
    "a key more": (edited(more=1), "is no verdict: more"),
    "no record": (edited(verified={}), "is no verdict: verified"),
    "an escape": (edited(by="\x1b[31m"), r"MAINTAINERS names no '\?\[31m'"),
    "a later version": (edited(schema_version=2), "is no verdict: schema_version"),
}


@pytest.mark.parametrize("what", FORGED)
def test_a_forged_verdict_is_refused_in_a_line(author: Author, submission: Submission, key: Path, what: str) -> None:
    forge, told = FORGED[what]
    file = sign(author, submission, key)
    made = forge(json.loads(file.read_text(encoding="utf-8")), maintainer_of(key, author.boards))
    file.write_text(json.dumps(made), encoding="utf-8")
    with pytest.raises(SubmissionError, match=told) as refused:
        read(author, submission)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"{" * 100_000, b"gexbench", b"0" * ((1 << 20) + 1)])
def test_what_is_no_verdict_is_refused_in_a_line(author: Author, submission: Submission, content: bytes) -> None:
    (submission.folder / VERDICT).write_bytes(content)
    with pytest.raises(SubmissionError, match=r"VERDICT\.json is no verdict") as refused:
        read(author, submission)
    assert "\n" not in str(refused.value)


def test_another_key_that_takes_a_maintainers_name_is_refused(
    author: Author, submission: Submission, tmp_path: Path
) -> None:
    stranger, public = key_of(2, tmp_path / "stranger")
    list_file = author.boards / MAINTAINERS
    honest = list_file.read_text(encoding="utf-8")
    list_file.write_text(f"{public} zoe\n", encoding="utf-8")
    sign(author, submission, stranger)
    list_file.write_text(honest, encoding="utf-8")
    with pytest.raises(SubmissionError, match="'zoe' has not signed this verdict"):
        read(author, submission)


def test_a_verdict_of_another_submission_is_refused(author: Author, submission: Submission, key: Path) -> None:
    other = author.submit(save(author.records.make(), author.place / "runs"))
    shutil.copy(sign(author, submission, key), other.folder / VERDICT)
    with pytest.raises(SubmissionError, match="it is a verdict on alice/mykd-sr, not on alice/srresnet-sr"):
        read(author, other)


def test_a_verdict_is_of_these_very_files(author: Author, submission: Submission, key: Path) -> None:
    verdict = sign(author, submission, key).read_bytes()
    shutil.rmtree(submission.folder)
    again = author.submit(author.run(28.0), author.run(28.1, seed=1))
    (again.folder / VERDICT).write_bytes(verdict)
    with pytest.raises(SubmissionError, match="it is a verdict on other files"):
        read(author, again)


def test_the_draw_is_a_maintainers_who_cannot_choose_it(author: Author, submission: Submission, key: Path) -> None:
    by = maintainer_of(key, author.boards)
    assert draw(submission.digest, by) == draw(submission.digest, by) != draw(submission.digest, None)
    assert draw(submission.digest, by) != draw("0" * 64, by)
    assert draw(submission.digest, None) == draw_statement(submission.digest).decode()


def test_a_draw_takes_every_record_about_as_often(author: Author, submission: Submission) -> None:
    records = list(author.examined(submission).records.values())
    first = [in_order(records, str(number))[0].seal for number in range(400)]
    assert all(160 < first.count(record.seal) < 240 for record in records)


def test_a_longer_sample_holds_the_shorter_one(author: Author, submission: Submission) -> None:
    records = list(author.examined(submission).records.values())
    assert in_order(records, "x") == in_order(reversed(records), "x")
    assert in_order(records, "x", "mini") == in_order(records, "x")
    assert in_order(records, "x", "paper") == []
