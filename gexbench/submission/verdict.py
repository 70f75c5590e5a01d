"""A maintainer's word on a submission: which of its records were drawn and run again, over the digest of it all.

A signature for a record is the same that stands in a board's verified.txt; nothing else makes a record verified. The
verdict binds such signatures to one submission, and shows that its author did not choose which records were run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError

from gexbench.boards.verified import MAINTAINERS, Maintainer, is_signed, is_verified, maintainers
from gexbench.cards.fields import Frozen, Name, Sha256
from gexbench.errors import SubmissionError, nearest
from gexbench.files import read_bounded
from gexbench.foreign_text import shown
from gexbench.record import RunRecord
from gexbench.submission.examine import Examined
from gexbench.submission.layout import VERDICT

LARGEST = 1 << 20
Signature = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/=]{1,120}$")]
REMOVE = "remove it, and verify the submission with `gexbench verify --sign`"


class SubmissionVerdict(Frozen):
    """What a maintainer says of a submission.

    by: a name of MAINTAINERS. profile: the only scale that was drawn from, None for all. draw: the signature that the
    draw came from. verified: signatures of the records that were run again and agreed, by seal.
    """

    schema_version: Literal[1] = 1
    submission: Name
    digest: Sha256
    by: Annotated[str, StringConstraints(pattern=r"^\S{1,80}$")]
    profile: Name | None = None
    draw: Signature
    verified: dict[Sha256, Signature] = Field(min_length=1)
    signature: Signature = "="

    def statement(self) -> bytes:
        """Return what is signed."""
        said = self.model_dump(mode="json", exclude={"signature"})
        return b"gexbench: verdict 1 " + json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def draw_statement(digest: str) -> bytes:
    """Return what a maintainer signs to draw records of a submission."""
    return f"gexbench: draw 1 {digest}".encode()


def draw(digest: str, maintainer: Maintainer | None) -> str:
    """Return what a draw comes from: of a maintainer a signature, which nobody else can know beforehand.

    Without a maintainer it comes of the digest alone; who makes a submission can then change it until others come.
    """
    return maintainer.sign(draw_statement(digest)) if maintainer else draw_statement(digest).decode()


def in_order(records: Iterable[RunRecord], drawn: str, profile: str | None = None) -> list[RunRecord]:
    """Return records, of one profile if that is named, in the order in which they are run again."""
    chosen = [record for record in records if profile in (None, record.plan.profile.name)]
    return sorted(chosen, key=lambda record: hashlib.sha256(f"{drawn} {record.seal}".encode()).digest())


def signed(examined: Examined, drawn: str, profile: str | None, seals: Iterable[str], by: Maintainer) -> bytes:
    """Return the file of a signed verdict on the records that were run again."""
    bare = SubmissionVerdict(
        submission=examined.submission.name,
        digest=examined.submission.digest,
        by=by.name,
        profile=profile,
        draw=drawn,
        verified={seal: by.sign_seal(seal) for seal in seals},
    )
    whole = bare.model_copy(update={"signature": by.sign(bare.statement())})
    return (whole.model_dump_json(indent=1) + "\n").encode()


def read_verdict(examined: Examined) -> SubmissionVerdict | None:
    """Return the verdict that lies in a submission, None where there is none.

    Raises SubmissionError where it is another submission's, was edited, or no maintainer's.
    """
    file = examined.submission.folder / VERDICT
    if not file.exists():
        return None
    try:
        verdict = SubmissionVerdict.model_validate_json(read_bounded(file, LARGEST))
    except (OSError, ValidationError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        why = f"{shown('.'.join(map(str, first['loc'])))}: {first['msg']}" if first else str(error)
        raise SubmissionError(f"{file} is no verdict: {shown(why)}", REMOVE) from None
    if why := _forged(verdict, examined):
        raise SubmissionError(f"{file}: {why}", REMOVE)
    return verdict


def _forged(verdict: SubmissionVerdict, examined: Examined) -> str:
    """Say why a verdict is not to be believed of a submission; "" where it is."""
    known, submission = maintainers(examined.root), examined.submission
    if verdict.by not in known:
        return f"{MAINTAINERS} names no {shown(verdict.by)!r}; {nearest(shown(verdict.by), known)}"
    key = known[verdict.by]
    if not is_signed(key, verdict.statement(), verdict.signature):
        return f"{verdict.by!r} has not signed this verdict"
    if verdict.submission != submission.name:
        return f"it is a verdict on {verdict.submission}, not on {submission.name}"
    if verdict.digest != submission.digest:
        return f"it is a verdict on other files: digest {verdict.digest[:16]}…, here it is {submission.digest[:16]}…"
    if not is_signed(key, draw_statement(verdict.digest), verdict.draw):
        return "its draw is none of this submission"
    if not all(is_verified(key, seal, text) for seal, text in verdict.verified.items()):
        return f"{verdict.by!r} has not signed for every record that it names"
    drawn = in_order(examined.records.values(), verdict.draw, verdict.profile)[: len(verdict.verified)]
    if {record.seal for record in drawn} != verdict.verified.keys():
        return "it names other records than those that were drawn"
    return ""
