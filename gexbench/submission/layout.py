"""What lies where in a submission, and the digest over all of it.

submissions/HANDLE/NAME/
    SHA256SUMS           whose it is, and the hash of every file but the verdict: `sha256sum -c SHA256SUMS`
    CHECKLIST.md         for whoever looks at it
    records/*.json       each named as its run's folder was
    plug-ins/*/          an attack's or a defense's card.toml and code, as `gexbench new` lays them out
    VERDICT.json         what a maintainer ran again and signed

The digest of a submission is the hash of SHA256SUMS, which has one form alone. Whatever else lies there, links and
files in too great a number or size among it, keeps the folder from being a submission.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gexbench.cards.fields import NAME
from gexbench.errors import SubmissionError
from gexbench.files import read_bounded
from gexbench.foreign_text import shown

SUMS, CHECKLIST, VERDICT = "SHA256SUMS", "CHECKLIST.md", "VERDICT.json"
RECORDS, PLUG_INS = "records", "plug-ins"
MOST_FILES, MOST_BYTES, LARGEST_SUMS, LONGEST, DEEPEST = 2000, 256 << 20, 1 << 20, 200, 12
"""Files in all and bytes in all, bytes of SHA256SUMS, characters of a file's place, and folders in one another."""
_HEAD = re.compile(rf"# gexbench submission 1 ({NAME}/{NAME})")
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_PLACE = re.compile(rf"{re.escape(CHECKLIST)}|{RECORDS}/[^/]+\.json|{PLUG_INS}/{NAME}/.+")
AGAIN = "have it made anew with `gexbench submit`"


@dataclass(frozen=True)
class Submission:
    """A folder that holds what its SHA256SUMS says. name: handle and name, such as alice/mykd-sr."""

    folder: Path
    name: str
    sums: Mapping[str, str]

    @property
    def handle(self) -> str:
        """Return who brings it."""
        return self.name.partition("/")[0]

    @property
    def digest(self) -> str:
        """Return the SHA-256 over whose it is, and names and contents of all files."""
        return hashlib.sha256(listing(self.name, self.sums).encode()).hexdigest()

    @property
    def records(self) -> tuple[Path, ...]:
        """Return the records' files."""
        return tuple(self.folder / place for place in sorted(self.sums) if place.startswith(f"{RECORDS}/"))

    @property
    def plug_ins(self) -> tuple[Path, ...]:
        """Return the folders of code."""
        names = sorted({place.split("/")[1] for place in self.sums if place.startswith(f"{PLUG_INS}/")})
        return tuple(self.folder / PLUG_INS / name for name in names)


def is_submission(folder: Path) -> bool:
    """Say whether a folder means to be a submission, be it a good one or not; a run's folder is none."""
    if not os.path.isdir(folder) or os.path.lexists(folder / "record.json"):
        return False
    return any(os.path.lexists(folder / name) for name in (SUMS, CHECKLIST, PLUG_INS))


def open_submission(folder: Path) -> Submission:
    """Look at every file of a submission; raises SubmissionError naming the first that is not as it was handed in.

    Nothing is followed, unpacked or run, and nothing above the bounds is read.
    """
    there = sums_of(folder)
    name, listed = _read_sums(folder)
    own = "/".join(folder.absolute().parts[-2:])
    if own != name:
        raise SubmissionError(f"{folder} is the submission {name}, and lies where {shown(own)} would", AGAIN)
    for what, places in {
        "is missing": listed.keys() - there.keys(),
        f"was added: {SUMS} does not name it": there.keys() - listed.keys(),
        f"was changed: its hash is not that of {SUMS}": {p for p in there if there[p] != listed.get(p)},
        "is nothing that a submission holds": {place for place in there if not _PLACE.fullmatch(place)},
    }.items():
        if places:
            raise SubmissionError(f"{folder}: {shown(min(places))} {what}", AGAIN)
    return Submission(folder, name, there)


def listing(name: str, sums: Mapping[str, str]) -> str:
    """Return the text of SHA256SUMS."""
    lines = [f"# gexbench submission 1 {name}", *(f"{sums[place]}  {place}" for place in sorted(sums))]
    return "\n".join(lines) + "\n"


def sums_of(folder: Path) -> dict[str, str]:
    """Return the hash of every file but SHA256SUMS and the verdict, by place; raises as `open_submission`."""
    found, size = dict[str, str](), 0
    for count, entry in enumerate(_walked(folder), 1):
        size += entry.stat(follow_symlinks=False).st_size
        if count > MOST_FILES or size > MOST_BYTES:
            raise SubmissionError(
                f"{folder} holds more than {MOST_FILES} files or {MOST_BYTES >> 20} MiB",
                "make several submissions of it, or leave out what the code does not need",
            )
        place = Path(entry.path).relative_to(folder).as_posix()
        if place not in (SUMS, VERDICT):
            found[place] = hashlib.sha256(_content(Path(entry.path))).hexdigest()
    return found


def _walked(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield the files below a folder; raises SubmissionError for what is neither a file nor a folder, or ill named."""
    if folder.is_symlink() or not folder.is_dir():
        raise SubmissionError(f"{shown(str(folder))} is no folder", "name a folder such as submissions/alice/mykd-sr")
    waiting = [folder]
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except OSError as error:
            raise SubmissionError(f"cannot read {error.filename}: {error.strerror}", AGAIN) from None
        for entry in entries:
            place = Path(entry.path).relative_to(folder).as_posix()
            if why := _ill(entry, place):
                raise SubmissionError(f"{folder}: {shown(place)} {why}", AGAIN)
            if entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
            else:
                yield entry


def _ill(entry: os.DirEntry[str], place: str) -> str:
    """Say why a thing has no place in a submission; "" where it may."""
    if not place.isprintable() or not place.isascii() or "\\" in place:
        return "has a name of other than visible ASCII characters"
    if len(place) > LONGEST or place.count("/") > DEEPEST:
        return f"lies too deep: {LONGEST} characters and {DEEPEST} folders are the most"
    if entry.is_symlink():
        return "is a link"
    if not (entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)):
        return "is neither a file nor a folder"
    return ""


def _content(path: Path) -> bytes:
    try:
        return read_bounded(path, MOST_BYTES)
    except OSError as error:
        raise SubmissionError(f"cannot read {path}: {error.strerror}", AGAIN) from None


def _read_sums(folder: Path) -> tuple[str, dict[str, str]]:
    """Return whose a submission is and the hashes it lists."""
    try:
        text = read_bounded(folder / SUMS, LARGEST_SUMS).decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not ASCII"
        raise SubmissionError(f"cannot read {folder / SUMS}: {reason}", AGAIN) from None
    first, _, rest = text.partition("\n")
    head, lines = _HEAD.fullmatch(first), [_LINE.fullmatch(line) for line in rest.splitlines()]
    sums = {line[2]: line[1] for line in lines if line}
    if head is None or listing(head[1], sums) != text:
        raise SubmissionError(f"{folder / SUMS} is not as `gexbench submit` writes it", AGAIN)
    return head[1], sums
