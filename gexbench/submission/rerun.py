"""Running a sample of a submission's records again, each in the sandbox and beside the records of its board."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from gexbench.boards.label import row_key
from gexbench.boards.verified import Maintainer, maintainer_of
from gexbench.errors import SubmissionError, nearest
from gexbench.files import atomic_write, new_folder
from gexbench.record import RunRecord
from gexbench.submission.examine import Examined, examine
from gexbench.submission.layout import VERDICT, Submission, open_submission
from gexbench.submission.verdict import draw, in_order, read_verdict, signed
from gexbench.verification import Outcome, Verdict, verify_record

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Sampling:
    """What is run again, and where.

    boards: the folder of all boards. out: where second runs go. count: of records, the first of a draw. profile: the
    only scale that is drawn from, None for all. key: the file of a maintainer's key, None where nothing is signed.
    """

    boards: Path
    out: Path
    registry: tuple[Path, ...] = ()
    count: int = 1
    profile: str | None = None
    key: Path | None = None


@dataclass(frozen=True)
class Verified:
    """What came of it. signed: the file of the verdict, None where nothing was signed."""

    submission: Submission
    records: int
    verdicts: tuple[Verdict, ...]
    signed: Path | None = None

    @property
    def outcome(self) -> Outcome:
        """Return the worst of what came of the records."""
        outcomes = {verdict.outcome for verdict in self.verdicts}
        order: tuple[Outcome, ...] = ("differs", "cannot be compared", "agrees")
        return next(each for each in order if each in outcomes)

    def lines(self) -> Iterator[str]:
        """Yield what came of it for a person."""
        for verdict in self.verdicts:
            yield from verdict.lines()
        yield (
            f"submission {self.submission.name}, digest {self.submission.digest[:16]}: {len(self.verdicts)} of "
            f"{self.records} records run again: {self.outcome}"
        )
        if self.signed is not None:
            yield f"signed in {self.signed}"


def verify_submission(folder: Path, sampling: Sampling, progress: Progress) -> Verified:
    """Check a submission and run a sample of its records again; writes a signed verdict where all agree and a key is.

    Raises SubmissionError where a file, a record, the code or a verdict that lies there is not what it says, or where
    this system has no sandbox: then nothing is run.
    """
    maintainer = maintainer_of(sampling.key, sampling.boards) if sampling.key else None
    examined = examine(open_submission(folder), sampling.boards, sampling.registry)
    read_verdict(examined)
    drawn = draw(examined.submission.digest, maintainer)
    chosen = in_order(examined.records.values(), drawn, sampling.profile)[: sampling.count]
    if not chosen:
        profiles = {record.plan.profile.name for record in examined.records.values()}
        raise SubmissionError(f"{folder} has no record at profile {sampling.profile!r}", nearest("", profiles))
    _refuse_without_sandbox(examined)
    verdicts = tuple(_run_again(examined, record, sampling, progress) for record in chosen)
    done = Verified(examined.submission, len(examined.records), verdicts)
    if maintainer is None or done.outcome != "agrees":
        return done
    return _signed(done, examined, drawn, sampling.profile, maintainer)


def _signed(done: Verified, examined: Examined, drawn: str, profile: str | None, by: Maintainer) -> Verified:
    """Write the verdict, if the submission is still what was run."""
    folder = examined.submission.folder
    if open_submission(folder).digest != examined.submission.digest:
        raise SubmissionError(f"{folder} was changed while it was verified", "verify it again")
    content = signed(examined, drawn, profile, [verdict.seal for verdict in done.verdicts], by)
    atomic_write(folder / VERDICT, content)
    return Verified(done.submission, done.records, done.verdicts, folder / VERDICT)


def _refuse_without_sandbox(examined: Examined) -> None:
    from gexbench.engine.run.isolation import chosen

    if examined.plug_ins and chosen("auto") != "landlock":
        raise SubmissionError(
            f"{examined.submission.folder} brings code, and this system has no sandbox to run it in",
            "verify it on Linux with Landlock; `gexbench doctor` says what is here",
        )


def _run_again(examined: Examined, record: RunRecord, sampling: Sampling, progress: Progress) -> Verdict:
    folders = (*sampling.registry, *examined.submission.plug_ins)
    with _beside_its_board(examined, record) as file:
        return verify_record(file, new_folder(sampling.out), folders, progress)


@contextmanager
def _beside_its_board(examined: Examined, record: RunRecord) -> Iterator[Path]:
    """Lay a record beside its board's and its row's, as if it had been added, and yield its file.

    Of the submission nothing else lies there: the spread of other rows that it brings says nothing.
    """
    own = [path for path, other in examined.records.items() if row_key(other.plan) == row_key(record.plan)]
    board = examined.board(record).folder / "records"
    with TemporaryDirectory(prefix="gexbench-beside-") as place:
        records = Path(place) / "records"
        records.mkdir()
        for file in _files(board, own):
            shutil.copyfile(file, records / file.name)
        yield records / f"{record.run_name}.json"


def _files(board: Path, own: Sequence[Path]) -> list[Path]:
    return [*sorted(board.glob("*.json")), *own]
