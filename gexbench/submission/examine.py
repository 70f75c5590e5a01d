"""Whether a submission's records may stand on boards, and are of the code that lies beside them; nothing is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gexbench.boards.folder import BoardFolder, Intake, folder_of
from gexbench.cards.catalog import Catalog, Filed
from gexbench.cards.prose import at_profile, differing
from gexbench.cards.roots import named_root
from gexbench.cards.schema import AttackCard, DefenseCard
from gexbench.errors import SubmissionError
from gexbench.foreign_text import shown
from gexbench.record import RunRecord, read_record
from gexbench.submission.layout import AGAIN, PLUG_INS, Submission

Role = tuple[str, str]
"""A role and a name: ("attack", "alice/mykd")."""
HINT = "what a board takes: docs/reading-a-board.md; what a submission holds: docs/submitting.md"


@dataclass(frozen=True)
class PlugIn:
    """An attack or a defense that a submission brings. digest: of its code, "" where that is gexbench's own."""

    card: AttackCard | DefenseCard
    folder: Path
    digest: str


@dataclass(frozen=True)
class Examined:
    """A submission that boards would take. records: by file."""

    submission: Submission
    catalog: Catalog
    root: Path
    records: Mapping[Path, RunRecord]
    plug_ins: Mapping[Role, PlugIn]

    def board(self, record: RunRecord) -> BoardFolder:
        """Return the board that takes a record."""
        return folder_of(record, self.root, self.catalog)


def examine(submission: Submission, root: Path, registry: Sequence[Path] = ()) -> Examined:
    """Hold a submission's records against boards below `root` and against its own code.

    registry: more folders of cards. Raises SubmissionError naming every record that is refused and why, or what of the
    code is; CardError for a card that is broken.
    """
    plug_ins = _plug_ins(submission)
    intake = Intake(root, Catalog.load((*registry, *submission.plug_ins)))
    records = dict[Path, RunRecord]()
    for path in submission.records:
        known = len(intake.refused)
        intake.take(path)
        if len(intake.refused) > known:
            continue
        records[path] = read_record(path)
        if why := next(_faults(records[path], path, plug_ins), None):
            intake.refused.append(f"{path}: {shown(why)}")
    if intake.refused:
        raise SubmissionError("\n  ".join(intake.refused), HINT)
    if not records:
        raise SubmissionError(f"{submission.folder} holds no record", AGAIN)
    used = {role for record in records.values() for role in _foreign(record)}
    if idle := sorted(plug_ins.keys() - used):
        raise SubmissionError(f"{submission.folder}: no record is of the {idle[0][0]} {idle[0][1]!r}", AGAIN)
    return Examined(submission, intake.catalog, root, records, plug_ins)


def _plug_ins(submission: Submission) -> dict[Role, PlugIn]:
    """Return what a submission brings, by role and name; no file of it is imported."""
    found = dict[Role, PlugIn]()
    for folder in submission.plug_ins:
        catalog = Catalog((named_root(folder),))
        if not catalog.roots[0].is_submission:
            raise SubmissionError(f"{folder} holds no card.toml", AGAIN)
        cards: list[Filed[AttackCard] | Filed[DefenseCard]] = [
            *catalog.all(AttackCard).values(),
            *catalog.all(DefenseCard).values(),
        ]
        for filed in cards:
            card = filed.card
            role = ("attack" if isinstance(card, AttackCard) else "defense", card.name)
            if why := _unwelcome(card, submission.handle) or ("is there twice" if role in found else ""):
                raise SubmissionError(f"{folder}: the {role[0]} {card.name!r} {why}", HINT)
            found[role] = PlugIn(card, folder, _digest(filed, submission))
    return found


def _unwelcome(card: AttackCard | DefenseCard, handle: str) -> str:
    """Say why a card is none that a submission may bring; "" where it may."""
    if card.name.partition("/")[0] != handle:
        return f"is not {handle}'s: its name does not begin with {handle}/"
    if isinstance(card, AttackCard) and card.is_control:
        return "is a control, and those are gexbench's own: they may know what no attack may"
    return ""


def _digest(filed: Filed[AttackCard] | Filed[DefenseCard], submission: Submission) -> str:
    """Return the digest of a plug-in's code; raises SubmissionError for a file beside it that it does not cover."""
    from gexbench.engine.machine.plug_in_digest import plug_in_digest, plug_in_files, refuse_unnamed
    from gexbench.engine.machine.provenance import plug_in_folder

    folder, whole = filed.path.parent, submission.folder.resolve()
    files = plug_in_files(folder, (filed.path,))
    refuse_unnamed(folder, files, filed.card.files)
    covered = {file.resolve() for file in (*files, filed.path)}
    within = f"{folder.relative_to(whole).as_posix()}/"
    for place in sorted(submission.sums):
        if place.startswith(within) and (whole / place) not in covered:
            raise SubmissionError(f"{submission.folder}: {shown(place)} is no part of the plug-in's code", AGAIN)
    entry = filed.card.entry
    return plug_in_digest(folder, files) if entry and plug_in_folder(entry, folder) is not None else ""


def _foreign(record: RunRecord) -> Iterator[Role]:
    """Yield the plug-ins that a record is of."""
    for role, card in (("attack", record.plan.attack), ("defense", record.plan.defense)):
        if card is not None and "/" in card.name:
            yield role, card.name


def _faults(record: RunRecord, path: Path, plug_ins: Mapping[Role, PlugIn]) -> Iterator[str]:
    """Yield what of a record is not of the code that lies beside it."""
    plan = record.plan
    if path.name != f"{record.run_name}.json":
        yield f"it is the record of {record.run_name}, and so not called"
    foreign = dict(_foreign(record))
    for role, card in (("attack", plan.attack), ("defense", plan.defense)):
        told = plan.plug_ins.get(role, "")
        if card is None or role not in foreign:
            if told:
                yield f"its {role} is no plug-in, and it names the code of one"
            continue
        here = plug_ins.get((role, card.name))
        if here is None:
            yield f"the code of its {role} {card.name!r} does not lie in {PLUG_INS}/"
            continue
        cards = [at_profile(each, plan.profile.name) for each in (here.card, card)]
        if keys := differing(*cards):
            yield f"the card of its {role} is not the one in {here.folder.name}: they differ in {', '.join(keys)}"
        if told != here.digest:
            yield f"its {role} was the code {told or 'of nobody'}, and in {here.folder.name} lies {here.digest}"
